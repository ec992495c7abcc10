import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['test/faults/**', 'node_modules/**'], // a command of its own: npm run test:faults
    globalSetup: ['test/support/build.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // CI has two cores. Files that start processes of their own wait more than they compute; with more of them at a time they
    // would starve each other.
    maxWorkers: 3,
    // CI reads this plain line.
    reporters: ['default', './test/support/closing-line.ts'],
  },
})
