import { defineConfig } from 'vitest/config';

/** The suites that take minutes or need Python: `npm run test:long`, `npm run test:interop`. */
export default defineConfig({
  test: {
    include: ['tests/interop/**/*.test.ts', 'tests/long/**/*.test.ts'],
    testTimeout: 1_800_000,
    hookTimeout: 600_000,
    pool: 'forks',
    maxWorkers: 1,
    reporters: ['default', './tests/closing-line-reporter.ts'],
  },
});
