import type { AccessTokenClaims } from './access-token-claims.ts';
import { OpenCalls } from './open-calls.ts';
import { type Standing, StandingCheck, StandingUnknown } from './standing-check.ts';

const of = (grantId: string) => ({ claims: { grantId } as AccessTokenClaims, token: grantId });

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

  it('are ended by themselves when nothing is told', async () => {
    const told = new Told();
    const calls = new OpenCalls(told, 5);
    const ended = new Promise((resolve) => calls.keep(of('a'), resolve));
    told.said.set('a', 'nothing');
    expect(await ended).toBeUndefined();
  });
});
