import { setTimeout as sleep } from 'node:timers/promises';
import type { AccessRefusal, Guard } from '@grantkeeper/guard';
import { guard as library } from '../support/libraries.ts';
import type { Fate, Order, Report } from './messages.ts';

/** A token that is presented to every point of this process until each refuses it for good. */
interface Watched {
  readonly id: string;
  readonly token: string;
  lastAccepted: number;
  firstRefused: number;
  /** Points that have not refused it yet; and those that have accepted it once. */
  readonly waiting: Set<Guard>;
  readonly known: Set<Guard>;
}

/**
 * Between two rounds over all points and tokens of a process: what is measured is known to within this and the length of a
 * round. Three times as long as a round took, so that the calls leave the machine to what they are to measure; but where calls
 * wait for somebody who cannot be asked, that is no reason to look less often.
 */
const PAUSE_MS = { least: 5, most: 150 };
const WALK_PAUSE_MS = 10;
/** More than there are requests for revocations at a time. */
const LAST = 50;

type WalkedFate = { -readonly [Name in keyof Fate]: Fate[Name] };

const counts = { calls: 0, unavailable: 0, wronglyRefused: 0 };
const watched = new Map<string, Watched>();
const guards: Guard[] = [];
let controls: readonly string[] = [];
const stop = new AbortController();
const { signal: stopped } = stop;

const tell = (report: Report): void => void process.send?.(report);

/** One tool call at one point: 200, or the status of its refusal. */
async function call(guard: Guard, token: string): Promise<number> {
  counts.calls += 1;
  try {
    await guard.admit({ method: 'POST', authorization: `Bearer ${token}` });
    return 200;
  } catch (error) {
    const { status } = error as AccessRefusal;
    if (status === 503) counts.unavailable += 1;
    return status;
  }
}

async function present(guard: Guard, one: Watched): Promise<void> {
  const status = await call(guard, one.token);
  if (status === 200) {
    one.lastAccepted = Date.now();
    one.known.add(guard);
    return;
  }
  if (status !== 401) return;
  if (one.firstRefused === 0) one.firstRefused = Date.now();
  one.waiting.delete(guard);
  if (one.waiting.size > 0 || !watched.delete(one.id)) return;
  const { id, lastAccepted, firstRefused } = one;
  tell({ type: 'fate', fate: { id, lastAccepted, firstRefused, allRefused: Date.now() } });
}

/** Presents one token after the other at one point, each until it is refused. */
async function walk(guard: Guard, tokens: ReadonlyArray<readonly [string, string]>, fates: Map<string, WalkedFate>) {
  for (const [id, token] of tokens) {
    const fate = fates.get(id)!;
    for (let status = 0; status !== 401 && !stopped.aborted;) {
      status = await call(guard, token);
      const now = Date.now();
      if (status === 401) {
        fate.firstRefused = Math.min(fate.firstRefused, now);
        fate.allRefused = Math.max(fate.allRefused, now);
      } else {
        if (status === 200) fate.lastAccepted = Math.max(fate.lastAccepted, now);
        await sleep(WALK_PAUSE_MS);
      }
    }
  }
}

async function callAll(): Promise<void> {
  for (let round = 0; !stopped.aborted; round += 1) {
    const began = performance.now();
    await Promise.all(
      guards.map(async (guard, n) => {
        const control = controls[(round + n) % controls.length];
        if (control !== undefined && (await call(guard, control)) === 401) counts.wronglyRefused += 1;
        await Promise.all(
          [...watched.values()].filter(({ waiting }) => waiting.has(guard)).map((one) => present(guard, one)),
        );
      }),
    );
    await sleep(Math.min(PAUSE_MS.most, Math.max(PAUSE_MS.least, 3 * (performance.now() - began))));
  }
}

async function obey(order: Order): Promise<void> {
  switch (order.type) {
    case 'start': {
      const { issuer, resource, credential } = order;
      controls = order.controls;
      for (let n = 0; n < order.points; n += 1)
        guards.push(await library.createGuard({ issuer, resource, credential, verifiedTokens: 2_000 }));
      void callAll();
      tell({ type: 'ready' });
      return;
    }
    case 'watch':
      for (const [id, token] of order.tokens)
        watched.set(id, { id, token, lastAccepted: 0, firstRefused: 0, waiting: new Set(guards), known: new Set() });
      // Each has been accepted once everywhere: they are known, as in the middle of their use.
      while ([...watched.values()].some(({ known }) => known.size < guards.length)) await sleep(1);
      tell({ type: 'watching' });
      return;
    case 'walk': {
      const fates = new Map(
        order.tokens.map(([id]) => [id, { id, lastAccepted: 0, firstRefused: Number.MAX_SAFE_INTEGER, allRefused: 0 }]),
      );
      tell({ type: 'watching' });
      const { tokens } = order;
      // A part of them at each point, or the points would measure how fast they verify tokens that they have not seen; the
      // last ones at every point, which say when it has caught up.
      const last = tokens.slice(-LAST);
      await Promise.all(
        guards.flatMap((guard, n) => [
          walk(
            guard,
            tokens.slice(0, -LAST).filter((_, index) => index % guards.length === n),
            fates,
          ),
          ...last.map((token) => walk(guard, [token], fates)),
        ]),
      );
      tell({ type: 'walked', fates: [...fates.values()] });
      return;
    }
    case 'forget':
      for (const id of order.ids) watched.delete(id);
      return;
    case 'report':
      tell({ type: 'counts', counts });
      return;
    case 'stop':
      stop.abort();
      await Promise.all(guards.map((guard) => guard.close()));
      process.disconnect();
  }
}

process.on('message', (order: Order) => void obey(order));
// Nobody measures any more.
process.on('disconnect', () => process.exit(0));
