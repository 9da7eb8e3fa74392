import { type AccessTokenClaims, type Standing, StandingCheck, StandingUnknown } from '@grantkeeper/guard';
import { describe, expect, it } from '@jest/globals';
import { OpenCalls } from './open-calls.ts';

const of = (grantId: string) => ({ grantId }) as AccessTokenClaims;

class Told extends StandingCheck {
  readonly said = new Map<string, Standing | 'nothing'>();
  override standing({ grantId }: AccessTokenClaims): Standing {
    const said = this.said.get(grantId) ?? 'active';
    if (said === 'nothing') throw new StandingUnknown();
    return said;
  }
}

describe('open calls', () => {
  it.each(['revoked', 'suspended', 'unknown', 'nothing'] as const)(
    'are ended, once, when their access is %s, and no other call is',
    async (standing) => {
      const told = new Told();
      const calls = new OpenCalls(told);
      const ended: string[] = [];
      for (const grant of ['a', 'b']) calls.keep(of(grant), () => ended.push(grant));
      await calls.endRefused();
      expect(ended).toEqual([]);
      told.said.set('a', standing);
      await calls.endRefused();
      await calls.endRefused();
      expect([ended, calls.size]).toEqual([['a'], 1]);
    },
  );

  it('that have been answered are forgotten', async () => {
    const told = new Told();
    const calls = new OpenCalls(told);
    let ended = false;
    const release = calls.keep(of('a'), () => (ended = true));
    release();
    told.said.set('a', 'revoked');
    await calls.endRefused();
    expect([ended, calls.size]).toEqual([false, 0]);
  });
});
