/** A fault put into the product's functions, to show that the schedules find it. */
export interface Mutant {
  readonly fault: string;
  readonly in: 'rotate_families' | 'redeem_codes' | 'append' | 'access_standing';
  /** From what to what in the source; each must occur. */
  readonly changes: ReadonlyArray<readonly [from: string, to: string]>;
}

const fence = 'PERFORM take_fence(p_tenant, false);';
const readsHead = 'SELECT * INTO head FROM heads WHERE tenant_id = p_tenant;';
const answers = 'answers[r.n] := link_facts(g)';

export const mutants: readonly Mutant[] = [
  { fault: 'a refresh does not take the fence', in: 'rotate_families', changes: [[fence, '']] },
  { fault: 'an exchange does not take the fence', in: 'redeem_codes', changes: [[fence, '']] },
  {
    fault: 'a refresh reads the position after its checks, and takes no fence',
    in: 'rotate_families',
    changes: [
      [fence, ''],
      [answers, `${readsHead}\n    ${answers}`],
    ],
  },
  {
    fault: 'an exchange reads the position after its checks, and takes no fence',
    in: 'redeem_codes',
    changes: [
      [fence, ''],
      [answers, `${readsHead}\n    ${answers}`],
    ],
  },
  {
    fault: 'a revocation does not wait for whoever hands out access',
    in: 'append',
    changes: [['PERFORM take_fence(p_tenant, true);', 'NULL;']],
  },
  { fault: 'a family is checked, then written', in: 'rotate_families', changes: [[' FOR NO KEY UPDATE', '']] },
  { fault: 'a code is checked, then written', in: 'redeem_codes', changes: [[' FOR UPDATE', '']] },
  {
    fault: 'the grace covers the predecessor of the predecessor',
    in: 'rotate_families',
    changes: [['presented < f.generation - 1', 'presented < f.generation - 2']],
  },
  {
    fault: 'the grace never ends',
    in: 'rotate_families',
    changes: [["make_interval(secs => coalesce((settings->>'refreshGraceSeconds')::int, 0))", "interval '1 day'"]],
  },
  {
    fault: 'there is no grace',
    in: 'rotate_families',
    changes: [["make_interval(secs => coalesce((settings->>'refreshGraceSeconds')::int, 0))", "interval '0'"]],
  },
  {
    fault: 'the grace is not capped',
    in: 'rotate_families',
    changes: [["f.replays >= coalesce((settings->>'refreshReplaysMax')::int, 0)", 'false']],
  },
  {
    fault: 'a repetition rotates again',
    in: 'rotate_families',
    changes: [['    IF presented = f.generation THEN', '    IF presented >= f.generation - 1 THEN']],
  },
  {
    fault: 'a reuse is not marked',
    in: 'rotate_families',
    changes: [["f.misused_because := 'refresh_token_reused'", 'f.misused_because := NULL']],
  },
  {
    fault: 'a second use of a code is not marked',
    in: 'redeem_codes',
    changes: [["misused_because = 'code_replayed'", 'misused_because = NULL']],
  },
  {
    fault: 'an ended family refreshes',
    in: 'rotate_families',
    changes: [["WHEN f.ended_seq IS NOT NULL THEN 'family_ended'", '']],
  },
  {
    fault: 'a watermark does not stop a refresh',
    in: 'rotate_families',
    changes: [['cause_of_death(g, f.born_seq)', 'cause_of_death(g, head.seq)']],
  },
  {
    fault: 'the last family takes the grant from one that has come meanwhile',
    in: 'append',
    changes: [["IF p ? 'endsLastFamilyOf' AND", 'IF false AND']],
  },
  {
    fault: 'an access token outlives the reuse that was seen of its family',
    in: 'access_standing',
    changes: [['AND f.misused_because IS NULL', '']],
  },
];

export function mutated(mutant: Mutant): (name: string, source: string) => string {
  return (name, source) => {
    if (name !== mutant.in) return source;
    return mutant.changes.reduce((text, [from, to]) => {
      if (!text.includes(from)) throw new Error(`${name} holds no ${from}`);
      return text.replace(from, to);
    }, source);
  };
}
