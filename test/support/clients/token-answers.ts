import type { Answer, TokenBody } from './oauth-client.ts';

/** Expects an error as RFC 6749 §5.2 has it: nobody may keep it, and it says nothing else (AS-35). */
export function expectError(answer: Answer<{ error?: unknown }>, status: number, error: string): void {
  expect([answer.status, answer.body.error]).toEqual([status, error]);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
  expect(Object.keys(answer.body).sort()).toEqual(['error', 'error_description']);
}

/** Expects tokens that nobody may keep (AS-35). */
export function expectTokens(answer: Answer<TokenBody>): TokenBody {
  expect([answer.status, answer.body.error]).toEqual([200, undefined]);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.body).toMatchObject({
    token_type: 'Bearer',
    expires_in: 600,
    access_token: expect.any(String),
    refresh_token: expect.any(String),
  });
  return answer.body;
}
