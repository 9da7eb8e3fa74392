import fc from 'fast-check';
import type { World } from './world.ts';

/** A header of a request, right, wrong or senseless; `text` makes what may stand in one. */
export function headersOf(world: World, text: fc.Arbitrary<string>): fc.Arbitrary<[name: string, value: string]> {
  const { side, forms, product } = world;
  const { client, confidential, tokens } = side;
  const basic = (id: string, secret: string): string => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
  return fc.oneof(
    fc.tuple(
      fc.constant('authorization'),
      fc.oneof(
        fc.constantFrom(
          `Bearer ${side.adminKey}`,
          `Bearer ${product.summary.adminKey}`,
          `Bearer ${tokens.access_token}`,
          basic(confidential.id, confidential.secret ?? ''),
          basic(client.id, ''),
          'Basic',
          'Basic !!!',
          'Bearer',
          'Bearer ',
          'DPoP x.y.z',
          'Digest username="x"',
          basic('%', '%zz'),
          basic('\0', '\0'),
          `Bearer ${'a'.repeat(4_000)}`,
          'basic  x',
          `Bearer ${tokens.access_token.slice(0, -2)}AA`,
        ),
        text.map((value) => `Bearer ${printable(value)}`),
      ),
    ),
    fc.tuple(
      fc.constant('cookie'),
      fc.constantFrom(
        `gk_session_${side.slug}=${side.session}`,
        ...forms.flatMap(({ cookies }) => [cookies, cookies, cookies]),
        `gk_session_${side.slug}=x; gk_session_${side.slug}=y`,
        `gk_login_${side.slug}=${'A'.repeat(43)}`,
        `gk_device_${side.slug}=1.9999999999.${'A'.repeat(16)}.${'A'.repeat(43)}`,
        'x',
        '=',
        ';;;',
        `gk_session_${side.slug}=${'z'.repeat(3_000)}`,
      ),
    ),
    fc.tuple(
      fc.constantFrom('host', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-for', 'forwarded'),
      fc.constantFrom(
        'evil.example',
        'evil.example:443',
        '127.0.0.1',
        '::1',
        'unknown',
        '',
        'a,b,c',
        '999.999.999.999',
      ),
    ),
    fc.tuple(
      fc.constantFrom(
        'accept',
        'accept-language',
        'origin',
        'referer',
        'user-agent',
        'mcp-protocol-version',
        'mcp-session-id',
        'mcp-method',
        'mcp-name',
        'dpop',
        'idempotency-key',
        'if-none-match',
        'range',
        'content-encoding',
        'x-http-method-override',
        'expect',
        'te',
        'last-event-id',
      ),
      fc.oneof(
        fc.constantFrom(
          '*/*',
          'application/json, text/event-stream',
          'de-DE,de;q=0.9',
          'en;q=zz,,,',
          'null',
          'https://evil.example',
          '2026-07-28',
          '2025-11-25',
          'gzip',
          'br',
          '100-continue',
          'tools/call',
          'eyJhbGciOiJFUzI1NiIsInR5cCI6ImRwb3Arand0In0.e30.AAAA',
          'application/token-introspection+jwt',
          'bytes=0-',
        ),
        text.map(printable),
      ),
    ),
  );
}

function printable(value: string): string {
  return value.replaceAll(/[^\x20-\x7e]/g, '');
}
