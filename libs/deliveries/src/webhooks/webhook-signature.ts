import { createHmac } from 'node:crypto';

/**
 * The headers of the Standard Webhooks specification: id, time of sending and an HMAC-SHA256 over both and the body, one
 * for each secret: while one replaces another, a receiver may hold either.
 */
export function webhookHeaders(message: {
  id: string;
  sentAt: Date;
  body: string;
  secrets: readonly Uint8Array[];
}): Record<string, string> {
  const timestamp = Math.floor(message.sentAt.getTime() / 1000);
  const signed = `${message.id}.${timestamp}.${message.body}`;
  const signatures = message.secrets.map(
    (secret) => `v1,${createHmac('sha256', secret).update(signed).digest('base64')}`,
  );
  return {
    'webhook-id': message.id,
    'webhook-timestamp': `${timestamp}`,
    'webhook-signature': signatures.join(' '),
  };
}
