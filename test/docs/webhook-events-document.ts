import type { PublicEventType } from '@grantkeeper/deliveries';
import { z } from 'zod';
import { table } from './documents.ts';
import { type JsonSchema, typeOf } from './events-document.ts';

/** docs/webhook-events.md: what anyone outside may be told of, from the public catalogue of libs/deliveries. */
export function webhookEventsDocument(catalogue: readonly PublicEventType[]): string {
  return `${[
    '# Webhook events',
    '',
    '<!-- Written by `npm run docs` from `publicEventTypes` in libs/deliveries. Edit the entries, not this file. -->',
    '',
    'Every type of message that a [webhook](guides/receive-events.md) may be told of. A type is never renamed, and `data` only gains fields. Beside those below `data` always holds `tenant` (uuid), `epoch` and `seq` (integers): where the event stands in the ledger.',
    '',
    table(
      ['Type', 'What it says', '`data`', 'Event of the ledger'],
      catalogue.map(({ type, says, data, of }) => [
        `\`${type}\``,
        says,
        fieldsOf(z.toJSONSchema(data) as JsonSchema),
        of.map((name) => `[${name}](events.md#${name.toLowerCase()})`).join(', '),
      ]),
    ),
    '',
    '`webhook.test` is what an admin sends to try a webhook: `data` holds `tenant` and `webhookId`, and it stands in no ledger.',
  ].join('\n')}\n`;
}

function fieldsOf(schema: JsonSchema): string {
  return Object.entries(schema.properties ?? {})
    .map(([name, field]) => `\`${name}\` ${typeOf(field)}${schema.required?.includes(name) ? '' : ', may be absent'}`)
    .join('; ');
}
