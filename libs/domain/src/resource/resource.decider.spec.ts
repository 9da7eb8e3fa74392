import {
  decideFailurePolicy,
  decideResourceAddition,
  type ExternalResource,
  MOST_RESOURCES,
} from './resource.decider.ts';

const resource: ExternalResource = {
  resourceId: '01a20ab8-ee36-72be-bc4b-000000000001',
  url: 'https://mcp.team.example/mcp',
  displayName: 'Team',
  signingAlg: 'RS256',
  scopes: [{ name: 'team:read', description: 'Read', risky: false, default: true }],
  whenUnreachable: 'refuse',
};
const { resourceId } = resource;
const decided = (events: ReturnType<typeof decideFailurePolicy>) =>
  events.map(({ definition, streamId, payload }) => [definition.type, streamId, payload]);
const refusal = (code: string) => expect.objectContaining({ name: 'DomainError', code });
const nothing = { urls: [], reserved: ['https://mcp.example'] };

describe('resources of the tenant’s own', () => {
  it('are added under a URL that is free and not ours', () => {
    expect(decided(decideResourceAddition(nothing, resource))).toEqual([
      [
        'ResourceAdded',
        resourceId,
        { ...resource, owner: 'tenant', kind: 'external', slug: resourceId, isDefault: false },
      ],
    ]);
    const add = (url: string, urls: string[] = []) =>
      decideResourceAddition({ ...nothing, urls }, { ...resource, url });
    expect(() => add(resource.url, [resource.url])).toThrow(refusal('resource.url_taken'));
    expect(() => add('https://mcp.example')).toThrow(refusal('resource.url_reserved'));
    expect(() => add('https://mcp.example/t/other/mcp')).toThrow(refusal('resource.url_reserved'));
    expect(add('https://mcp.example.org/mcp')).toHaveLength(1);
    const many = Array.from({ length: MOST_RESOURCES }, (_, n) => `https://n${n}.example`);
    expect(() => add(resource.url, many)).toThrow(refusal('resource.too_many'));
  });

  it('may trust tokens until they expire while nobody can be asked; hosted ones may not', () => {
    const state = { resourceId, kind: 'external', whenUnreachable: 'refuse' as const };
    expect(decided(decideFailurePolicy(state, 'degrade_until_expiry'))).toEqual([
      ['ResourceFailurePolicySet', resourceId, { resourceId, whenUnreachable: 'degrade_until_expiry' }],
    ]);
    expect(decideFailurePolicy(state, 'refuse')).toEqual([]);
    expect(() => decideFailurePolicy({ ...state, kind: 'hosted' }, 'refuse')).toThrow(refusal('resource.hosted'));
    expect(() => decideFailurePolicy(undefined, 'refuse')).toThrow(refusal('resource.not_found'));
  });
});
