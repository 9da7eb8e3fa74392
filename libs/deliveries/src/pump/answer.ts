import { OutboundClient, OutboundError, type OutboundRequest, type OutboundResponse } from '@grantkeeper/outbound';
import { retryAfterMs } from './delivery-retries.ts';
import type { Answer } from './receiver.ts';

/** How long a receiver may take for one message, everything together. */
export const SEND_TIMEOUT_MS = 10_000;
const EXCERPT_BYTES = 512;
const EXCERPT_CHARACTERS = 200;

/** Sends one request and says how it went, in what may be kept: a code, a status, the first words of a refusal. */
export async function ask(
  outbound: OutboundClient,
  request: Pick<OutboundRequest, 'url' | 'headers' | 'body'>,
): Promise<{ readonly answer: Answer; readonly response?: OutboundResponse }> {
  const begun = performance.now();
  const took = (): number => Math.round(performance.now() - begun);
  try {
    const response = await outbound.request({
      method: 'POST',
      timeoutMs: SEND_TIMEOUT_MS,
      excerptBytes: EXCERPT_BYTES,
      ...request,
    });
    const { status, headers, body } = response;
    const accepted = status >= 200 && status <= 299;
    const wait = accepted ? undefined : retryAfterMs(headers['retry-after'], new Date());
    return {
      response,
      answer: {
        accepted,
        reason: accepted ? null : `http.${status}`,
        status,
        durationMs: took(),
        excerpt: accepted ? null : excerptOf(body),
        ...(status === 410 && { gone: true }),
        ...(wait !== undefined && { retryAfterMs: wait }),
      },
    };
  } catch (error) {
    const reason = error instanceof OutboundError ? `outbound.${error.reason}` : 'outbound.failed';
    return { answer: { accepted: false, reason, status: null, durationMs: took(), excerpt: null } };
  }
}

/** Printable text only: it is shown to admins. */
function excerptOf(body: Buffer): string | null {
  const text = body
    .toString('utf8')
    .replaceAll(/[^\p{L}\p{N}\p{P}\p{S}]+/gu, ' ')
    .trim();
  return text === '' ? null : text.slice(0, EXCERPT_CHARACTERS);
}
