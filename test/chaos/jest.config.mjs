import base from '../../jest.config.mjs';

const [integration] = base.projects.filter(({ displayName }) => displayName === 'integration');
// It has a server of its own, to kill.
const { globalSetup: _setup, globalTeardown: _teardown, ...rest } = integration;

/** What kills servers and loses packets, started by `npm run chaos` only. */
export default {
  projects: [{ ...rest, displayName: 'chaos', testMatch: ['<rootDir>/test/chaos/**/*.chaos-spec.ts'] }],
};
