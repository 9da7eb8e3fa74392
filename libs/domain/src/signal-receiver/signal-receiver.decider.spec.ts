import {
  decideSignalReceiverRegistration,
  decideSignalReceiverRemoval,
  decideSignalReceiverRotation,
  MOST_SIGNAL_RECEIVERS,
} from './signal-receiver.decider.ts';

const receiverId = '01a20ab8-ee36-72be-bc4b-000000000001';
const decided = (events: ReturnType<typeof decideSignalReceiverRemoval>) =>
  events.map(({ definition, streamId, payload }) => [definition.type, streamId, payload]);
const refusal = (code: string) => expect.objectContaining({ name: 'DomainError', code });

describe('receivers of security events', () => {
  it('are registered up to a number', () => {
    const command = { receiverId, name: 'SOC', audience: 'https://soc.example' };
    expect(decided(decideSignalReceiverRegistration({ receivers: 0 }, command))).toEqual([
      ['SignalReceiverRegistered', receiverId, command],
    ]);
    expect(() => decideSignalReceiverRegistration({ receivers: MOST_SIGNAL_RECEIVERS }, command)).toThrow(
      refusal('receiver.too_many'),
    );
  });

  it('get new credentials and are removed as long as they are there', () => {
    expect(decided(decideSignalReceiverRotation({ receiverId }, 60))).toEqual([
      ['SignalReceiverCredentialRotated', receiverId, { receiverId, overlapSeconds: 60 }],
    ]);
    expect(decided(decideSignalReceiverRemoval({ receiverId }))).toEqual([
      ['SignalReceiverRemoved', receiverId, { receiverId }],
    ]);
    expect(() => decideSignalReceiverRotation(undefined, 0)).toThrow(refusal('receiver.not_found'));
    expect(() => decideSignalReceiverRemoval(undefined)).toThrow(refusal('receiver.not_found'));
  });
});
