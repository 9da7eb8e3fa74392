import { createHmac } from 'node:crypto';

/** The headers of the Standard Webhooks specification: id, time of sending and an HMAC-SHA256 over both and the body. */
export function webhookHeaders(message: {
  id: string;
  sentAt: Date;
  body: string;
  secret: Uint8Array;
}): Record<string, string> {
  const timestamp = Math.floor(message.sentAt.getTime() / 1000);
  const signature = createHmac('sha256', message.secret)
    .update(`${message.id}.${timestamp}.${message.body}`)
    .digest('base64');
  return { 'webhook-id': message.id, 'webhook-timestamp': `${timestamp}`, 'webhook-signature': `v1,${signature}` };
}
