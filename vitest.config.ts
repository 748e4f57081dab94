import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: ['tests/interop/**', 'tests/bench/**', 'tests/long/**', 'node_modules/**'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // picocolors colours where CI is set: tests compare plain text.
    env: { NO_COLOR: '1' },
    pool: 'forks',
    // Vitest leaves one core free: on two, test files would run one after another.
    maxWorkers: Math.min(8, availableParallelism()),
    reporters: ['default', './tests/closing-line-reporter.ts'],
  },
});
