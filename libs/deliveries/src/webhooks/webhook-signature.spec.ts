import { webhookHeaders } from './webhook-signature.ts';

describe('webhookHeaders', () => {
  // The example of the Standard Webhooks specification and of its reference libraries' tests.
  test('signs as the reference libraries do', () => {
    const headers = webhookHeaders({
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      sentAt: new Date(1614265330 * 1000),
      body: '{"test": 2432232314}',
      secrets: [Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64')],
    });
    expect(headers).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  test('signs with each secret that holds', () => {
    const message = { id: 'msg_1', sentAt: new Date(0), body: '{}' };
    const signed = (...names: string[]): string | undefined =>
      webhookHeaders({ ...message, secrets: names.map((name) => Buffer.from(name)) })['webhook-signature'];
    expect(signed('new', 'old')).toBe(`${signed('new')} ${signed('old')}`);
  });
});
