export * from './health.ts';
export * from './logger.ts';
export * from './metrics.ts';
export * from './nest-logger.ts';
export * from './redaction.ts';
export * from './shared-answer.ts';
