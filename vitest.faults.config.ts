import { defineConfig } from 'vitest/config'

/** The fault suite: apart from the others because of its time. */
export default defineConfig({
  test: {
    include: ['test/faults/**/*.test.ts'],
    globalSetup: ['test/support/build.ts'],
    testTimeout: 240_000,
    hookTimeout: 120_000,
    // Mostly waiting: for locks to end, for Redis to come back.
    maxWorkers: 3,
    reporters: ['verbose', './test/support/closing-line.ts'],
  },
})
