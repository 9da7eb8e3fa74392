import type { RunningProduct } from '../product.ts';

/** RFC 9457. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly field?: string;
}

export interface GrantView {
  readonly id: string;
  readonly status: 'active' | 'suspended' | 'revoked';
  readonly user: { readonly id: string; readonly email: string };
  readonly client: { readonly id: string; readonly name: string; readonly kind: string };
  readonly resource: { readonly id: string; readonly url: string };
  readonly scopes: readonly string[];
  readonly installations: number;
  readonly grantedSeq: number;
  readonly revokedAt: string | null;
  readonly revokedBecause: string | null;
}

/** One line of an export. */
export interface ExportedEvent {
  readonly tenant: string;
  readonly epoch: number;
  readonly seq: number;
  readonly id: string;
  readonly stream: { readonly type: string; readonly id: string; readonly version: number };
  readonly type: string;
  readonly recordedAt: string;
  readonly actor: { readonly kind: string; readonly id: string };
  readonly causationId: string | null;
  readonly payload: Record<string, unknown>;
  readonly personal: Record<string, string | null>;
}

/** Calls the admin API with any key, or with none; unlike `product.admin` it shows the headers. */
export async function callAdmin(
  product: Pick<RunningProduct, 'summary'>,
  key: string | undefined,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; headers: Headers; body: unknown }> {
  const response = await fetch(`${product.summary.adminUrl}/admin/v1${path}`, {
    method,
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = /[/+]json(;|$)/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text };
}

/** Expects a refusal in the form that every refusal of the admin API has. */
export async function expectProblem(
  answer: ReturnType<typeof callAdmin>,
  status: number,
  type: string,
  field?: string,
): Promise<void> {
  const { status: got, headers, body } = await answer;
  expect([got, (body as Problem).type, (body as Problem).field]).toEqual([status, `urn:problem:${type}`, field]);
  expect(body).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) });
  expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(headers.get('cache-control')).toBe('no-store');
}

export async function grantsOf(product: RunningProduct, query = '', tenant = 'acme'): Promise<readonly GrantView[]> {
  const { body } = await product.admin<{ grants: GrantView[] }>('GET', `/tenants/${tenant}/grants${query}`);
  return body.grants;
}

export async function eventsOf(
  product: RunningProduct,
  query = '',
  tenant = 'acme',
): Promise<readonly ExportedEvent[]> {
  const { status, body } = await product.admin<string>('GET', `/tenants/${tenant}/events${query}`);
  if (status !== 200) throw new Error(`The export was answered ${status}.`);
  return body
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as ExportedEvent);
}
