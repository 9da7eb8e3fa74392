export * from './address-policy.ts';
export * from './outbound-client.ts';
export * from './outbound-error.ts';
export { resolveByDns } from './resolve.ts';
