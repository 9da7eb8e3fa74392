import { readFileSync } from 'node:fs';

// The aliases in tsconfig.json are the only list of libraries.
const { paths } = JSON.parse(readFileSync(new URL('./tsconfig.json', import.meta.url), 'utf8')).compilerOptions;
const aliases = Object.fromEntries(
  Object.entries(paths).map(([alias, [target]]) => [`^${alias}$`, target.replace('./', '<rootDir>/')]),
);

const project = (displayName, testMatch, extra = {}) => ({
  displayName,
  testMatch,
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.data/'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        jsc: {
          target: 'es2023',
          keepClassNames: true,
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  moduleNameMapper: aliases,
  ...extra,
});

const onPostgres = {
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
};

export default {
  coverageProvider: 'v8',
  maxWorkers: 2,
  // For machines that are busy with something else; no test asserts how long anything takes.
  testTimeout: 60_000,
  projects: [
    project('unit', ['<rootDir>/{apps,libs,db,test/rotation}/**/*.spec.ts']),
    project('integration', ['<rootDir>/test/{integration,isolation,docs}/**/*.int-spec.ts'], onPostgres),
    project('flows', ['<rootDir>/test/{flows,pages,conformance}/**/*.e2e-spec.ts'], onPostgres),
  ],
};
