import { randomUUID } from 'node:crypto';
import type { FeedEntry, Guard, VerificationKey } from '@grantkeeper/guard';
import { generateKeyPair, jwtVerify, SignJWT } from 'jose';
import type { GuardFigure } from './support/guard-figure.ts';
import { guard as library } from './support/libraries.ts';
import { QuietFeed } from './support/quiet-feed.ts';
import { number } from './support/table.ts';

const ISSUER = 'https://auth.example.com/t/acme';
const RESOURCE = 'https://mcp.example.com/t/acme/mcp';
const TENANT = randomUUID();
const REVOCATIONS = 10_000;
/** Both sides take turns of this length, so that what the machine does beside hits both. */
const TURN_MS = 250;

/** What it costs to be safe: a guard with a filled deny state against a bare signature check. */
export const guardVerify: GuardFigure = {
  includes: `one process, one call after the other. jose: jwtVerify of an ES256 token with its key at hand, issuer, audience, type and algorithm checked. Guard: all of guard.admit, that is the header, the token, everything that the lease and a deny state of ${REVOCATIONS.toLocaleString('en')} entries say of it; "not seen" tokens are each presented once, to either side. Rates are per second of processor time, so that what the machine does beside does not count; ratios are medians over turns of ${TURN_MS} ms that alternate.`,
  async measure({ seconds }, progress) {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const token = async (): Promise<string> =>
      new SignJWT({
        client_id: 'client-1',
        scope: 'boards:read',
        tenant: TENANT,
        grant_id: randomUUID(),
        family_id: randomUUID(),
        epoch: 1,
        seq: 1_000_000,
      })
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'k1' })
        .setIssuer(ISSUER)
        .setAudience(RESOURCE)
        .setSubject(randomUUID())
        .setJti(randomUUID())
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(privateKey);
    const turns = Math.max(4, Math.ceil((seconds * 1000) / TURN_MS));
    progress('signing tokens');
    const unseen: string[] = [];
    // As many as the fastest core could verify.
    for (let n = 0; n < turns * TURN_MS * 12; n += 1) unseen.push(await token());
    const seen = await token();

    const bare = async (one: string): Promise<void> => {
      await jwtVerify(one, publicKey, { issuer: ISSUER, audience: RESOURCE, typ: 'at+jwt', algorithms: ['ES256'] });
    };
    const { guard, close } = await openGuard(publicKey);
    const admit = async (one: string): Promise<void> => {
      await guard.admit({ method: 'POST', authorization: `Bearer ${one}` });
    };
    try {
      progress('measuring');
      const next = [0, 0];
      const sides = [() => bare(unseen[next[0]!++]!), () => admit(unseen[next[1]!++]!), () => admit(seen)];
      for (const side of sides) await turn(side);
      const rates: number[][] = sides.map(() => []);
      for (let n = 0; n < turns; n += 1)
        for (const [index, side] of sides.entries()) rates[index]!.push(await turn(side));
      const [jose, first, again] = rates as [number[], number[], number[]];
      const ratio = (of: number[]): number => median(of.map((rate, n) => rate / jose[n]!));
      return [
        { what: 'jose.jwtVerify, key at hand', value: `${number(median(jose))} per core and second` },
        {
          what: 'guard, token not seen before',
          value: `${number(median(first))} per core and second, ${number(ratio(first) * 100, 1)} % of jose`,
          aim: '≥ 90 %',
        },
        {
          what: 'guard, token seen before',
          value: `${number(median(again))} per core and second, ${number(ratio(again), 1)} times jose`,
          aim: '≥ 20 times',
        },
      ];
    } finally {
      await close();
    }
  },
};

async function openGuard(key: VerificationKey): Promise<{ guard: Guard; close: () => Promise<void> }> {
  const entries = Array.from({ length: REVOCATIONS }, (_, n): FeedEntry => ({
    number: n + 1,
    prev: n,
    tenant: TENANT,
    epoch: 1,
    seq: n + 1,
    kind: 'grant',
    names: { grant: randomUUID() },
    until: Date.now() / 1000 + 3_600,
  }));
  const follower = new library.FeedFollower({ transport: new QuietFeed(entries) });
  await follower.catchUp();
  follower.start();
  const standing = new library.FeedStandingCheck({ follower });
  const guard = new library.Guard({
    issuer: ISSUER,
    resource: RESOURCE,
    described: () => undefined,
    verifier: new library.AccessTokenVerifier({
      issuer: ISSUER,
      audience: RESOURCE,
      tenant: TENANT,
      jwks: () => key,
      now: () => follower.now(),
      verified: new library.VerifiedTokens(),
    }),
    standing,
    calls: new library.OpenCalls(standing),
    proofs: new library.InMemoryProofReplayStore(),
    now: () => follower.now(),
    close: () => follower.stop(),
  });
  return { guard, close: () => guard.close() };
}

/** Calls per second of processor time, all threads of the process counted, one call after the other. */
async function turn(side: () => Promise<void>): Promise<number> {
  const began = performance.now();
  const before = process.cpuUsage();
  let calls = 0;
  for (; performance.now() - began < TURN_MS; calls += 1) await side();
  const { user, system } = process.cpuUsage(before);
  return (calls * 1e6) / (user + system);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
