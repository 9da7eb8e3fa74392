export * from './consumer-runner.ts';
export * from './event-consumer.ts';
export * from './failure-reason.ts';
export * from './retry-policy.ts';
