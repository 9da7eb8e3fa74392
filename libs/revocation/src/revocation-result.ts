import {
  type AppendInput,
  type CarriedOut,
  type CommandIdentity,
  type EventStore,
  once,
  type Position,
} from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';

/** What came of a revocation, a suspension or a resumption. */
export interface RevocationResult {
  /** False when what was to be ended had ended before. */
  readonly changed: boolean;
  /** The position of the revocation: the target's credentials that were born below it are dead. */
  readonly position: Position;
  readonly recordedAt?: string;
}

/** What is kept of it for repetitions: how many events were recorded behind it, or where nothing was left to do. */
type Kept =
  { readonly changed: true; readonly trailing: number } | { readonly changed: false; readonly position: Position };

/**
 * Carries a command out once, as `once` does: its repetitions get its first answer, also where that was that nothing
 * was left to do. Otherwise a late repetition would do what has become possible since.
 */
export function revokingOnce(
  store: EventStore,
  tenantId: TenantId,
  command: CommandIdentity | undefined,
  attempt: () => Promise<RevocationResult>,
): Promise<RevocationResult> {
  return once(store, tenantId, command, attempt, resultOf);
}

/** Records what was decided, with `trailing` events behind the one whose position is the answer. */
export async function appendRevocation(
  store: EventStore,
  input: Omit<AppendInput, 'command'> & { readonly read: Position; readonly command?: CommandIdentity | undefined },
  trailing = 0,
): Promise<RevocationResult> {
  const { command, ...act } = input;
  const { tenantId, actor, read, events } = act;
  if (events.length > 0) {
    const kept: Kept = { changed: true, trailing };
    const { epoch, last, recordedAt } = await store.append({
      ...act,
      ...(command && { command: { ...command, result: kept } }),
    });
    return resultOf({ result: kept, position: { epoch, seq: last }, recordedAt });
  }
  const kept: Kept = { changed: false, position: read };
  if (command) await store.append({ tenantId, actor, read, events, command: { ...command, result: kept } });
  return { changed: false, position: read };
}

function resultOf({ result, position: { epoch, seq }, recordedAt }: CarriedOut<Kept>): RevocationResult {
  if (!result.changed) return { changed: false, position: result.position };
  return {
    changed: true,
    position: { epoch, seq: seq - result.trailing },
    recordedAt: new Date(recordedAt).toISOString(),
  };
}
