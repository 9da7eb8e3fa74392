// Types from the sources, code from the build: Node can strip types, but not resolve our aliases.
const built = (path: string): string => new URL(`../../dist/${path}`, import.meta.url).href;
const library = (name: string): string => built(`libs/${name}/src/index.js`);

export const consumers = (await import(library('consumers'))) as typeof import('@grantkeeper/consumers');
export const domain = (await import(library('domain'))) as typeof import('@grantkeeper/domain');
export const eventStore = (await import(library('event-store'))) as typeof import('@grantkeeper/event-store');
export const guard = (await import(library('guard'))) as typeof import('@grantkeeper/guard');
export const history = (await import(library('history'))) as typeof import('@grantkeeper/history');
export const kernel = (await import(library('kernel'))) as typeof import('@grantkeeper/kernel');
export const keys = (await import(library('keys'))) as typeof import('@grantkeeper/keys');
export const readModels = (await import(library('read-models'))) as typeof import('@grantkeeper/read-models');
export const { GrantQueries } = (await import(
  built('apps/ledger/src/grants/grants.queries.js')
)) as typeof import('../../apps/ledger/src/grants/grants.queries.ts');
