import base from '../../jest.config.mjs';

const [integration] = base.projects.filter(({ displayName }) => displayName === 'integration');

/** Runs of hours rather than seconds, started by `npm run test:long` only. */
export default {
  projects: [{ ...integration, displayName: 'long', testMatch: ['<rootDir>/test/long/**/*.long-spec.ts'] }],
};
