import { calledTools, requiredScopes } from './required-scopes.ts';

const call = (name: unknown): unknown => ({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } });

describe('calledTools', () => {
  it('finds the tool of a call, and every tool of an array of calls', () => {
    expect(calledTools(call('a'))).toEqual(['a']);
    expect(calledTools([call('a'), { method: 'ping' }, call('b')])).toEqual(['a', 'b']);
  });

  it.each([
    undefined,
    null,
    'x',
    1,
    {},
    { method: 'tools/list', params: { name: 'a' } },
    { method: 'tools/call' },
    { method: 'tools/call', params: null },
    call(1),
    [[call('a')]],
  ])('finds none in %j', (body) => {
    expect(calledTools(body)).toEqual([]);
  });
});

describe('requiredScopes', () => {
  it('asks for everything at once, each scope once (RS-17)', () => {
    const scopes: Record<string, string[]> = { a: ['x', 'y'], b: ['y', 'z'] };
    expect(requiredScopes(['a', 'b', 'c'], (tool) => scopes[tool] ?? [])).toEqual(['x', 'y', 'z']);
  });
});
