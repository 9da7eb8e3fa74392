import { createHash } from 'node:crypto';
import { OAuthError } from '@grantkeeper/kernel';
import { OutboundError, type OutboundClient } from '@grantkeeper/outbound';
import { freshSeconds, mayBeStale } from './freshness.ts';

/** A sort of document that others publish: how much of it is read, and what it must be. */
export interface DocumentKind<Content> {
  readonly name: 'client_metadata' | 'jwks';
  /** Bytes of the body (CIMD-16). */
  readonly maxBytes: number;
  readonly accept: string;
  /** Whether only a JSON media type will do (CIMD-06). */
  readonly strictType: boolean;
  /** The content in our words; rejects with `OAuthError` what is not one. */
  read(url: string, json: unknown): Content;
  /** A text that is equal for equal contents. */
  canonical(content: Content): string;
}

/** What an attempt to fetch came to. */
export type FetchOutcome<Content> =
  | {
      readonly outcome: 'fetched';
      readonly content: Content;
      readonly digest: string;
      readonly etag: string | null;
      readonly lastModified: string | null;
      readonly freshSeconds: number;
      readonly mayBeStale: boolean;
    }
  /** `mayBeStale` is null when the answer says nothing of it: then it is as it was. */
  | { readonly outcome: 'unchanged'; readonly freshSeconds: number; readonly mayBeStale: boolean | null }
  | FetchFailure;

export interface FetchFailure {
  readonly outcome: 'failed';
  /** For the developer of the client: what was wrong, never what the other side sent. */
  readonly failure: string;
  /** It may be the network's or the server's fault, and over in a moment; else the publisher no longer says it. */
  readonly transient: boolean;
}

export interface Validators {
  readonly etag: string | null;
  readonly lastModified: string | null;
}

/** For resolving, connecting and reading together; a person waits (CIMD-29), and Claude waits 10 s in all (CLD-12). */
const TIMEOUT_MS = 3_000;

/**
 * Fetches `url` once: 200 with JSON of the right sort, or 304 to a conditional request; no redirect, no other status
 * (CIMD-05). Never rejects: a failure is an outcome.
 */
export async function fetchDocument<Content>(
  outbound: OutboundClient,
  kind: DocumentKind<Content>,
  url: string,
  validators: Validators,
  now: Date,
): Promise<FetchOutcome<Content>> {
  try {
    const response = await outbound.request({
      url,
      timeoutMs: TIMEOUT_MS,
      maxBytes: kind.maxBytes,
      headers: {
        accept: kind.accept,
        ...(validators.etag !== null && { 'if-none-match': validators.etag }),
        ...(validators.lastModified !== null && { 'if-modified-since': validators.lastModified }),
      },
    });
    const { status, headers } = response;
    const conditional = validators.etag !== null || validators.lastModified !== null;
    if (status === 304 && conditional)
      return {
        outcome: 'unchanged',
        freshSeconds: freshSeconds(headers, now),
        mayBeStale: mayBeStale(headers) ?? null,
      };
    if (status !== 200)
      return failed(`its server answered ${status}`, status >= 500 || [408, 425, 429].includes(status));
    if (kind.strictType && !isJson(headers['content-type'])) return failed('it is not served as application/json');
    const content = kind.read(url, parsed(response.body));
    return {
      outcome: 'fetched',
      content,
      digest: createHash('sha256').update(kind.canonical(content)).digest('base64url'),
      etag: validator(headers['etag']),
      lastModified: validator(headers['last-modified']),
      freshSeconds: freshSeconds(headers, now),
      mayBeStale: mayBeStale(headers) ?? true,
    };
  } catch (error) {
    if (error instanceof OutboundError) return failed(words[error.reason], transient.has(error.reason));
    if (error instanceof OAuthError) return failed(error.description);
    throw error;
  }
}

function failed(failure: string, isTransient = false): FetchFailure {
  return { outcome: 'failed', failure, transient: isTransient };
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw new OAuthError('invalid_client_metadata', 'it is not JSON', { cause });
  }
}

function isJson(type: string | undefined): boolean {
  return /^application\/(json|[\w.-]+\+json)\s*(;|$)/i.test(type ?? '');
}

/** A validator as it may be sent back: short, and nothing that could be more than one header. */
function validator(value: string | undefined): string | null {
  return value !== undefined && value.length <= 256 && /^[\x20-\x7E]+$/.test(value) ? value : null;
}

const transient = new Set<OutboundError['reason']>(['timeout', 'unresolvable', 'connection_failed', 'tls_failed']);

const words: Readonly<Record<OutboundError['reason'], string>> = {
  invalid_url: 'its URL is not one that can be fetched',
  scheme_refused: 'its URL is not https',
  credentials_in_url: 'its URL holds credentials',
  port_refused: 'its URL names a port that is not allowed',
  unresolvable: 'its host name could not be resolved',
  address_refused: 'its host has an address that is not public',
  connection_failed: 'its server could not be reached',
  tls_failed: 'its server has no valid certificate',
  timeout: 'its server did not answer in time',
  redirect_refused: 'its server redirects, which is not followed',
  encoding_refused: 'its server sends it compressed although that was not asked for',
  too_large: 'it is too large',
  invalid_response: 'its server did not answer in HTTP',
};
