import {
  decideWebhookChange,
  decideWebhookCreation,
  decideWebhookGivingUp,
  decideWebhookRemoval,
  decideWebhookSecretRotation,
  MOST_WEBHOOKS,
} from './webhook.decider.ts';
import { receiverUrl } from './webhook.events.ts';

const webhookId = '01a20ab8-ee36-72be-bc4b-000000000001';
const settings = { name: 'SIEM', url: 'https://siem.example/in', types: ['grant.revoked'] };
const state = { webhookId, settings, disabled: false };
const decided = (events: ReturnType<typeof decideWebhookRemoval>) =>
  events.map(({ definition, streamId, payload }) => [definition.type, streamId, payload]);
const refusal = (code: string) => expect.objectContaining({ name: 'DomainError', code });

describe('webhooks', () => {
  it('are made up to a number', () => {
    expect(decided(decideWebhookCreation({ webhooks: MOST_WEBHOOKS - 1 }, { webhookId, settings }))).toEqual([
      ['WebhookCreated', webhookId, { webhookId, ...settings }],
    ]);
    expect(() => decideWebhookCreation({ webhooks: MOST_WEBHOOKS }, { webhookId, settings })).toThrow(
      refusal('webhook.too_many'),
    );
  });

  it('change in what is other than before, and not otherwise', () => {
    expect(decided(decideWebhookChange(state, { settings: { types: null } }))).toEqual([
      ['WebhookChanged', webhookId, { webhookId, ...settings, types: null }],
    ]);
    expect(decideWebhookChange(state, { settings: { ...settings }, enabled: true })).toEqual([]);
    expect(decided(decideWebhookChange(state, { settings: {}, enabled: false }))).toEqual([
      ['WebhookDisabled', webhookId, { webhookId, because: 'admin' }],
    ]);
    expect(decided(decideWebhookChange({ ...state, disabled: true }, { settings: {}, enabled: true }))).toEqual([
      ['WebhookEnabled', webhookId, { webhookId }],
    ]);
    expect(() => decideWebhookChange(undefined, { settings: {} })).toThrow(refusal('webhook.not_found'));
  });

  it('are given up on once', () => {
    expect(decided(decideWebhookGivingUp(state, 'gone'))).toEqual([
      ['WebhookDisabled', webhookId, { webhookId, because: 'gone' }],
    ]);
    expect(decideWebhookGivingUp({ ...state, disabled: true }, 'failing')).toEqual([]);
    expect(decideWebhookGivingUp(undefined, 'failing')).toEqual([]);
  });

  it('get new secrets and are removed as long as they are there', () => {
    expect(decided(decideWebhookSecretRotation(state, 60))).toEqual([
      ['WebhookSecretRotated', webhookId, { webhookId, overlapSeconds: 60 }],
    ]);
    expect(decided(decideWebhookRemoval(state))).toEqual([['WebhookRemoved', webhookId, { webhookId }]]);
    expect(() => decideWebhookSecretRotation(undefined, 0)).toThrow(refusal('webhook.not_found'));
    expect(() => decideWebhookRemoval(undefined)).toThrow(refusal('webhook.not_found'));
  });

  it.each([
    ['https://hooks.example/x?y=1', true],
    ['http://127.0.0.1:8080/x', true],
    ['http://hooks.example/x', false],
    ['https://user:password@hooks.example/x', false],
    ['https://hooks.example/x#fragment', false],
    ['ftp://hooks.example/x', false],
    ['nowhere', false],
  ])('may be told at %s: %s', (url, allowed) => {
    expect(receiverUrl.safeParse(url).success).toBe(allowed);
  });
});
