import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Deployment } from './deployment.ts';

interface Conditions {
  readonly title: string;
  /** Whether jobs have a Redis; without one they are on the PostgreSQL of everything else. */
  readonly redis: boolean;
}

/** All revocations at once, so many requests at a time, and no pause. */
export interface BurstCase extends Conditions {
  readonly lanes: number;
}

/** One thing that can be wrong while revocations are made. */
export interface BatchCase extends Conditions {
  /** Tokens that are revoked together. */
  readonly batch: number;
  /** Once, before the first batch. */
  readonly begin?: (deployment: Deployment) => Promise<void>;
  /**
   * Runs `revoke` for one batch, and makes go wrong what goes wrong; `answered` says how many requests of the batch have
   * been answered.
   */
  readonly around: (deployment: Deployment, revoke: () => Promise<void>, answered: () => number) => Promise<void>;
}

export type Case = BatchCase | BurstCase;

const plain: BatchCase['around'] = (_deployment, revoke) => revoke();

async function flush(url: string | undefined): Promise<void> {
  if (url === undefined) return;
  const redis = new Redis(url);
  await redis.flushall().finally(() => redis.disconnect());
}

/** Longer than knowledge may be old. */
const CUT_MS = 2_500;

export const CASES: Readonly<Record<string, Case>> = {
  normal: { title: 'normal', redis: true, batch: 50, around: plain },
  burst: { title: 'as fast as they are committed, 40 requests at a time', redis: true, lanes: 40 },
  killed: {
    title: 'the committing node is killed (-9) in the middle of each 100 requests',
    redis: true,
    batch: 100,
    async around({ committing }, revoke, answered) {
      const revoking = revoke();
      const when = 30 + Math.random() * 60;
      while (answered() < when) await sleep(1);
      await committing.kill();
      await revoking;
      await committing.start();
    },
  },
  cut: {
    title: `the feed is cut for ${CUT_MS / 1000} s from before each 100 revocations`,
    redis: true,
    batch: 100,
    async around({ feedFront }, revoke) {
      feedFront.cut();
      const mended = sleep(CUT_MS);
      await revoke();
      await mended;
      feedFront.mend();
    },
  },
  unreachable: {
    title: `feed and issuer are unreachable for ${CUT_MS / 1000} s from before each 100 revocations`,
    redis: true,
    batch: 100,
    async around({ feedFront, issuerFront }, revoke) {
      feedFront.cut();
      issuerFront.cut();
      const mended = sleep(CUT_MS);
      await revoke();
      await mended;
      feedFront.mend();
      issuerFront.mend();
    },
  },
  'redis-slow': {
    title: 'Redis answers nothing during each 50 revocations',
    redis: true,
    batch: 50,
    async around({ redis }, revoke) {
      redis?.freeze?.(true);
      await revoke().finally(() => redis?.freeze?.(false));
    },
  },
  'redis-flushed': {
    title: 'Redis loses everything in the middle of each 50 revocations',
    redis: true,
    batch: 50,
    async around({ redis }, revoke, answered) {
      const revoking = revoke();
      while (answered() < 25) await sleep(1);
      await flush(redis?.url);
      await revoking;
    },
  },
  'redis-down': {
    title: 'Redis is down',
    redis: true,
    batch: 50,
    async begin({ redis }) {
      await redis?.kill?.();
    },
    around: plain,
  },
  'postgres-jobs': {
    title: 'no Redis: the job backend is on the same PostgreSQL',
    redis: false,
    batch: 50,
    around: plain,
  },
};
