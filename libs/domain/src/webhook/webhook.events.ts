import { z } from 'zod';
import { defineEvent } from '../event.ts';

function isReceiverUrl(value: string): boolean {
  const url = URL.parse(value);
  if (!url || url.username !== '' || url.password !== '' || url.hash !== '') return false;
  return (
    url.protocol === 'https:' ||
    (url.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname))
  );
}

/** Where others may ask to be told of events. What it resolves to is judged at each request, by the outbound client. */
export const receiverUrl = z
  .url()
  .max(2_000)
  .refine(
    isReceiverUrl,
    'must be an https URL without user name, password and fragment (http only to this machine, in development)',
  );

/** What an admin sets of an endpoint. */
export const webhookSettings = z.object({
  name: z.string(),
  url: receiverUrl,
  /** Types of the public event catalogue; null for every one, also those to come. */
  types: z.array(z.string()).nullable(),
});
export type WebhookSettings = z.infer<typeof webhookSettings>;

export const webhookCreated = defineEvent({
  type: 'WebhookCreated',
  version: 1,
  streamType: 'webhook',
  payload: z.object({ webhookId: z.uuid(), ...webhookSettings.shape }),
  privacy: { webhookId: 'business', name: 'business', url: 'business', types: 'business' },
  says: 'A URL is told of events of the tenant from here on.',
});

export const webhookChanged = defineEvent({
  type: 'WebhookChanged',
  version: 1,
  streamType: 'webhook',
  payload: z.object({ webhookId: z.uuid(), ...webhookSettings.shape }),
  privacy: { webhookId: 'business', name: 'business', url: 'business', types: 'business' },
  says: 'A webhook has another name, URL or choice of events.',
});

export const webhookSecretRotated = defineEvent({
  type: 'WebhookSecretRotated',
  version: 1,
  streamType: 'webhook',
  payload: z.object({
    webhookId: z.uuid(),
    /** How long messages are signed with the secret before as well; 0 ends it at once. */
    overlapSeconds: z.int().min(0),
  }),
  privacy: { webhookId: 'business', overlapSeconds: 'business' },
  says: 'A webhook was given a new secret to sign its messages with.',
});

export const webhookDisabled = defineEvent({
  type: 'WebhookDisabled',
  version: 1,
  streamType: 'webhook',
  payload: z.object({
    webhookId: z.uuid(),
    /** An admin wanted it; the receiver said that it is gone (410); or it took nothing for as long as the policy bears. */
    because: z.enum(['admin', 'gone', 'failing']),
  }),
  privacy: { webhookId: 'business', because: 'business' },
  says: 'A webhook is told nothing until an admin enables it again; then it is told what has happened meanwhile.',
});

export const webhookEnabled = defineEvent({
  type: 'WebhookEnabled',
  version: 1,
  streamType: 'webhook',
  payload: z.object({ webhookId: z.uuid() }),
  privacy: { webhookId: 'business' },
  says: 'A webhook that was disabled is told of events again, from where it had stopped.',
});

export const webhookRemoved = defineEvent({
  type: 'WebhookRemoved',
  version: 1,
  streamType: 'webhook',
  payload: z.object({ webhookId: z.uuid() }),
  privacy: { webhookId: 'business' },
  says: 'A webhook was taken away for good; its secret ended.',
});
