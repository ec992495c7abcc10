import { defineConfig } from 'vitest/config'

/** Files that keep all they do to themselves: the modules they import are loaded once a worker, not once a file. */
const UNITS = ['src/**/*.test.ts', 'test/{soap,stand-in,operations,conformance,drift,interop}/**/*.test.ts']
const TIMES = { testTimeout: 60_000, hookTimeout: 60_000 }

export default defineConfig({
  test: {
    globalSetup: ['test/support/build.ts'],
    // CI has two cores. Most files wait more than they compute: for processes, for Redis, for the service.
    maxWorkers: 6,
    // CI reads this plain line.
    reporters: ['default', './test/support/closing-line.ts'],
    projects: [
      { extends: true, test: { name: 'units', include: UNITS, isolate: false, ...TIMES } },
      {
        extends: true,
        // Commands of their own: npm run test:faults, npm run test:console, npm run test:prometheus
        test: {
          name: 'fleet',
          include: ['test/**/*.test.ts'],
          exclude: [...UNITS, 'test/{faults,console,prometheus}/**'],
          ...TIMES,
        },
      },
    ],
  },
})
