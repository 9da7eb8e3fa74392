export * from './cookies.ts';
export * from './fallback.filter.ts';
export * from './no-nul.pipe.ts';
export * from './oauth-error.filter.ts';
export * from './open-cors.ts';
export * from './problem.filter.ts';
export * from './wants-page.ts';
export * from './zod-input.ts';
