const AT_ONCE = 16;

/** Makes so many, a few at a time. */
export async function inBatches<Result>(count: number, make: () => Promise<Result>): Promise<Result[]> {
  const made: Result[] = [];
  const worker = async (): Promise<void> => {
    while (count > 0) {
      count -= 1;
      made.push(await make());
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return made;
}
