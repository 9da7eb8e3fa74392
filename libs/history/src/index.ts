export * from './moment.ts';
export * from './row-history.consumer.ts';
export * from './time-travel.ts';
