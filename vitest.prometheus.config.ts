import { defineConfig } from 'vitest/config'

/** Rules and dashboards on a real Prometheus: apart from the other tests, because that needs the machine for itself. */
export default defineConfig({
  test: {
    include: ['test/prometheus/**/*.test.ts'],
    globalSetup: ['test/support/build.ts'],
    testTimeout: 300_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    bail: 1, // each test of the live run stands on what the one before left
    reporters: ['verbose', './test/support/closing-line.ts'],
  },
})
