import { Lease } from './lease.ts';

describe('Lease', () => {
  let monotonic = 0;
  let wall = 0;
  const clock = { monotonic: () => monotonic, wall: () => wall };
  beforeEach(() => {
    monotonic = 1_000;
    wall = 1_700_000_000_000;
  });
  const pass = (ms: number): void => {
    monotonic += ms;
    wall += ms;
  };

  it('knows nothing before the first answer', () => {
    expect(new Lease(clock).staleness()).toBe(Number.POSITIVE_INFINITY);
  });

  it('is as old as the request that was answered, and what the answer said of itself', () => {
    const lease = new Lease(clock);
    const sentAt = lease.now();
    pass(300);
    lease.renew(sentAt, 120);
    expect(lease.staleness()).toBe(420);
    pass(80);
    expect(lease.staleness()).toBe(500);
  });

  it('is not made newer by an answer that was delayed on its way', () => {
    const lease = new Lease(clock);
    const sentAt = lease.now();
    pass(5_000);
    lease.renew(sentAt, 0);
    expect(lease.staleness()).toBe(5_000);
  });

  it('is not made older by an answer to an earlier request', () => {
    const lease = new Lease(clock);
    const earlier = lease.now();
    pass(100);
    lease.renew(lease.now(), 0);
    lease.renew(earlier, 0);
    expect(lease.staleness()).toBe(0);
  });

  it('counts the time that a paused machine slept, which its monotonic clock may not have seen', () => {
    const lease = new Lease(clock);
    lease.renew(lease.now(), 0);
    wall += 10_000;
    expect(lease.staleness()).toBe(10_000);
  });

  it('is not made young by a wall clock that is set back', () => {
    const lease = new Lease(clock);
    lease.renew(lease.now(), 0);
    monotonic += 2_500;
    wall -= 3_600_000;
    expect(lease.staleness()).toBe(2_500);
  });

  it('does not care how wrong the wall clock is, as long as it is equally wrong', () => {
    wall = 42;
    const lease = new Lease(clock);
    lease.renew(lease.now(), 10);
    pass(5);
    expect(lease.staleness()).toBe(15);
  });
});
