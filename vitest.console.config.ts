import { defineConfig } from 'vitest/config'

/** The console in a real browser: apart from the others because it needs one. */
export default defineConfig({
  test: {
    include: ['test/console/**/*.test.ts'],
    globalSetup: ['test/support/build.ts'],
    testTimeout: 90_000,
    hookTimeout: 90_000,
    maxWorkers: 2,
    reporters: ['verbose', './test/support/closing-line.ts'],
  },
})
