import { DomainError } from '@grantkeeper/kernel';

interface Queue {
  last: Promise<unknown>;
  length: number;
}

/** One thing at a time for each tenant, in the order of asking, so that what one asks for holds up no other. */
export class Turns {
  readonly #queues = new Map<string, Queue>();

  /** `most`: how many may wait for one tenant. */
  constructor(private readonly most: number) {}

  /** What `work` answers, once it is its turn. Rejects with `feed.too_many_requests` when too many wait already. */
  async take<Result>(tenant: string, work: () => Promise<Result>): Promise<Result> {
    const queue = this.#queues.get(tenant) ?? { last: Promise.resolve(), length: 0 };
    if (queue.length > this.most)
      throw new DomainError('feed.too_many_requests', 'The tenant’s points ask for too much at once.', 'too_many');
    this.#queues.set(tenant, queue);
    queue.length += 1;
    const turn = queue.last.then(work);
    queue.last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      queue.length -= 1;
      if (queue.length === 0) this.#queues.delete(tenant);
    }
  }
}
