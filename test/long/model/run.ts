import type { TenantId } from '@grantkeeper/kernel';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { MisusedFamilies } from '../../../apps/worker/src/jobs/misused-families.ts';
import { FaultyProxy, type Fault } from '../../chaos/support/faulty-proxy.ts';
import { type Outcome, violations } from './checks.ts';
import type { Command } from './commands.ts';
import { openProduct, type Product } from './product.ts';
import { createSeen, Followers, inward, outward, settle } from './recording-consumers.ts';
import { untilAnswered } from './sender.ts';
import { ModelTenant } from './tenant.ts';

export interface ModelOptions {
  readonly tenants: number;
  /** Callers that work the commands off at once. */
  readonly callers: number;
  /** Of a thousand messages to the database, how many end in a cut connection. */
  readonly cutsPerMille: number;
  /** How often every backend of the services is terminated; 0 for never. */
  readonly terminateEveryMs: number;
  /** Numbers from 0 to 1 that decide where connections are cut. */
  readonly random: () => number;
}

export interface ModelReport {
  readonly commands: number;
  readonly acknowledged: number;
  readonly refused: number;
  /** Times that a command was sent again because no answer had come. */
  readonly repeated: number;
  readonly cutBefore: number;
  readonly cutAfter: number;
  readonly terminated: number;
  readonly events: number;
  readonly tokens: number;
  readonly violations: string[];
}

/** The database that runs of the model share: each has tenants of its own. */
export async function prepareModel(url: string): Promise<void> {
  await createSeen(url);
}

/**
 * Carries out the commands by several callers at once while connections are cut and backends are terminated, every
 * command until its sender has an answer; then lets everything come to rest and looks for what is not as it must be.
 */
export async function runModel(url: string, commands: readonly Command[], options: ModelOptions): Promise<ModelReport> {
  const proxy = await FaultyProxy.open(url);
  // Two processes that serve, two that follow; and one that is never disturbed, to look at what they left.
  const products = [openProduct(proxy.through(url)), openProduct(proxy.through(url))];
  const workers = [openProduct(proxy.through(url)), openProduct(proxy.through(url))];
  const calm = openProduct(url);
  const told = new Map<TenantId, number[]>();
  const consumers = [inward, outward((tenant, seq) => told.get(tenant)?.push(seq))];
  try {
    const tenants = await Promise.all(Array.from({ length: options.tenants }, () => ModelTenant.onboard(calm)));
    for (const tenant of tenants) told.set(tenant.id, []);
    const faces = tenants.map((tenant) => products.map((product) => tenant.servedBy(product)));
    proxy.fault = () => cut(options);
    const ids = tenants.map(({ id }) => id);
    let answered = 0;
    const terminator = new Terminator(url, options.terminateEveryMs, () => answered);
    const followers = new Followers(
      workers.map(({ database }) => database),
      consumers,
      ids,
    );

    const outcomes = tenants.map(() => new Map<string, Outcome>());
    let repeated = 0;
    let next = 0;
    const caller = async (): Promise<void> => {
      for (let command = commands[next++]; command; command = commands[next++]) {
        const id = uuidv7();
        const identity = { id, fingerprint: id };
        const sides = faces[command.tenant] as ModelTenant[];
        const attempts = sides.map((side) => side.prepare(command.act, identity));
        const answers = await Promise.all(
          Array.from({ length: command.copies }, (_, copy) =>
            untilAnswered(attempts[copy % attempts.length] as () => Promise<never>, () => (repeated += 1)),
          ),
        );
        outcomes[command.tenant]?.set(id, sameAnswer(id, answers));
        answered += 1;
      }
    };
    let terminated = 0;
    try {
      await Promise.all(Array.from({ length: options.callers }, caller));
    } finally {
      next = commands.length;
      await followers.stop();
      terminated = await terminator.stop();
      proxy.fault = () => undefined;
    }
    // As the worker's sweep does it: what a token request has seen misused is ended in the record.
    const misused = new MisusedFamilies(calm.database, calm.store);
    for (const id of ids) await misused.end(id);
    await settle(calm.database, consumers, ids);
    const found: string[] = [];
    let events = 0;
    for (const [index, tenant] of tenants.entries()) {
      found.push(
        ...(await violations(
          calm.database,
          tenant,
          outcomes[index] as Map<string, Outcome>,
          told.get(tenant.id) ?? [],
        )),
      );
      events += (told.get(tenant.id) ?? []).reduce((most, seq) => Math.max(most, seq), 0);
    }
    const all = outcomes.flatMap((of) => [...of.values()]);
    return {
      commands: all.length,
      acknowledged: all.filter((outcome) => 'done' in outcome).length,
      refused: all.filter((outcome) => 'refused' in outcome).length,
      repeated,
      cutBefore: proxy.cuts.before,
      cutAfter: proxy.cuts.after,
      terminated,
      events,
      tokens: tenants.reduce((sum, tenant) => sum + tenant.tokens.length, 0),
      violations: found,
    };
  } finally {
    await Promise.all([...products, ...workers, calm].map(({ database }: Product) => database.close()));
    await proxy.close();
  }
}

/**
 * What copies of one command were told. What was done was done once, so all that were told of it were told the same. A
 * refusal is decided on what there is and not kept: a copy that comes later may find more, and be done.
 */
function sameAnswer(id: string, answers: readonly Outcome[]): Outcome {
  const done = answers.filter((answer) => 'done' in answer);
  const [outcome] = done.length > 0 ? done : answers;
  if (!outcome) throw new Error('A command has at least one sender.');
  if (done.some((answer) => JSON.stringify(answer) !== JSON.stringify(outcome)))
    throw new Error(`Copies of ${id} have different answers: ${JSON.stringify(answers)}`);
  return outcome;
}

function cut({ cutsPerMille, random }: ModelOptions): Fault {
  const drawn = random() * 1_000;
  if (drawn >= cutsPerMille) return undefined;
  return drawn < cutsPerMille / 2 ? 'before' : 'after';
}

/** Commands that are answered between two terminations at least. */
const PROGRESS = 10;

/** Terminates every backend of the services now and then, as a fail-over or a careless administrator would. */
class Terminator {
  readonly #owner: pg.Pool;
  readonly #timer: NodeJS.Timeout | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #terminated = 0;
  #answeredThen = 0;

  constructor(
    url: string,
    everyMs: number,
    private readonly answered: () => number,
  ) {
    this.#owner = new pg.Pool({ connectionString: url, max: 1 });
    this.#owner.on('error', () => undefined);
    if (everyMs > 0) this.#timer = setInterval(() => (this.#running = this.#terminate()), everyMs);
  }

  async stop(): Promise<number> {
    clearInterval(this.#timer);
    await this.#running;
    await this.#owner.end();
    return this.#terminated;
  }

  async #terminate(): Promise<void> {
    // On a machine so busy that nothing is answered in between, nothing ever would be.
    if (this.answered() - this.#answeredThen < PROGRESS) return;
    this.#answeredThen = this.answered();
    const { rows } = await this.#owner.query<{ n: number }>(
      `SELECT count(pg_terminate_backend(pid))::int AS n FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
    );
    this.#terminated += rows[0]?.n ?? 0;
  }
}
