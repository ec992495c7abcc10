import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/support/build.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores: files that start processes of their own must not starve each other.
    maxWorkers: 2,
    // CI reads this plain line.
    reporters: ['default', './test/support/closing-line.ts'],
  },
})
