export * from './budget.ts';
export * from './budgets.ts';
export * from './client-address.ts';
export * from './limits-redis.ts';
