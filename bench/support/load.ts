/** What many clients, each with one operation in flight, got done. */
export interface Load {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Operations of the whole run, the warm-up included: what counters of the server are divided by. */
  readonly operations: number;
}

/**
 * Lets every client repeat `operation` and counts those that end after the warm-up. Rejects with the first failure: a
 * figure over failing operations says nothing.
 */
export async function drive(
  { clients, warmUp, seconds }: { clients: number; warmUp: number; seconds: number },
  operation: (client: number) => Promise<void>,
): Promise<Load> {
  const began = performance.now() + warmUp * 1000;
  const end = began + seconds * 1000;
  const latencies: number[] = [];
  let operations = 0;
  const failure = new AbortController();
  const client = async (number: number): Promise<void> => {
    for (let start = performance.now(); start < end && !failure.signal.aborted;) {
      await operation(number);
      const now = performance.now();
      operations += 1;
      if (now >= began && now <= end) latencies.push(now - start);
      start = now;
    }
  };
  await Promise.all(
    Array.from({ length: clients }, (_, number) =>
      client(number).catch((error: unknown) => {
        failure.abort();
        throw error;
      }),
    ),
  );
  latencies.sort((a, b) => a - b);
  return {
    perSecond: latencies.length / seconds,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    operations,
  };
}

/** The value below which this part of them lies. */
export function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}
