import type { EventDefinition } from '@grantkeeper/domain';
import { z } from 'zod';
import { table } from './documents.ts';

export interface JsonSchema {
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly const?: unknown;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
}

/** docs/events.md: the contract of every event type, from the catalogue of libs/domain. */
export function eventsDocument(catalogue: readonly EventDefinition[]): string {
  return `${[
    '# Events',
    '',
    '<!-- Written by `npm run docs` from `eventCatalogue` in libs/domain. Edit the definitions, not this file. -->',
    '',
    'Every event type that a ledger may hold. A type is never renamed; a new shape is a new schema number.',
    '',
    '- **Stream**: the thing whose history the event belongs to, numbered by `stream.version`.',
    '- **Wide**: a decision that was read before this event must not commit after it ([ADR 2](adr/0002-one-append-function.md)).',
    '- **Ends access**: the append takes the tenant’s fence alone ([ADR 3](adr/0003-the-tenant-fence.md)).',
    '- **Personal**: fields beside the payload, each sealed under the key of the person it is about, or of the tenant where no person is meant ([ADR 8](adr/0008-personal-data-is-sealed-per-person.md)). Each may be absent. Any event may also carry `address`: where the request came from.',
    '- **Privacy** of a payload field: `pseudonym`, a random id that stands for a person or their things; `business`, a fact of the tenant; `public`, what anyone may know.',
    '',
    'How an event looks in an export, with everything around the payload: [export the record](guides/export-the-record.md).',
    '',
    table(
      ['Type', 'Schema', 'Stream', 'Wide', 'Ends access', 'Personal', 'What it says'],
      catalogue.map((event) => [
        `[${event.type}](#${event.type.toLowerCase()})`,
        String(event.version),
        event.streamType,
        event.wide ? 'yes' : '',
        event.endsAccess ? 'yes' : '',
        event.personal.map((field) => `\`${field}\``).join(', '),
        event.says,
      ]),
    ),
    '',
    ...catalogue.flatMap((event) => [
      `## ${event.type}`,
      '',
      event.says,
      '',
      table(
        ['Payload field', 'Type', 'Required', 'Privacy'],
        fieldsOf(z.toJSONSchema(event.payload) as JsonSchema, '', event.privacy),
      ),
      '',
    ]),
  ]
    .join('\n')
    .trimEnd()}\n`;
}

/** A field inside another is of its class. */
function fieldsOf(schema: JsonSchema, prefix: string, privacy: Readonly<Record<string, string>> | string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const inner = field.type === 'array' ? field.items : field;
    const required = schema.required?.includes(name) ? 'yes' : 'no';
    const suffix = field.type === 'array' ? '[].' : '.';
    const privacyClass = typeof privacy === 'string' ? privacy : (privacy[name] ?? '');
    const row = [`\`${path}\``, typeOf(field), required, privacyClass];
    return [row, ...(inner?.properties ? fieldsOf(inner, path + suffix, privacyClass) : [])];
  });
}

export function typeOf(field: JsonSchema): string {
  if (field.enum) return field.enum.map((value) => `\`${value}\``).join(' | ');
  if (field.const !== undefined) return `\`${JSON.stringify(field.const)}\``;
  if (field.type === 'array')
    return `list of ${typeOf(field.items ?? {})}${field.minItems ? `, at least ${field.minItems}` : ''}`;
  if (field.type === 'object' && !field.properties) {
    const values = field.additionalProperties;
    return typeof values === 'object' && values.type ? `object of ${values.type}` : 'object';
  }
  const bounds = [
    ...(field.minimum !== undefined && field.minimum > Number.MIN_SAFE_INTEGER ? [`≥ ${field.minimum}`] : []),
    ...(field.maximum !== undefined && field.maximum < Number.MAX_SAFE_INTEGER ? [`≤ ${field.maximum}`] : []),
  ];
  return [field.format ?? field.type ?? 'JSON', ...bounds].join(' ');
}
