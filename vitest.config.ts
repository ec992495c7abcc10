import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // Commands of their own: npm run test:faults, npm run test:console, npm run test:prometheus
    exclude: ['test/{faults,console,prometheus}/**'],
    globalSetup: ['test/support/build.ts'],
    // Modules are loaded once a worker, not once a file: whoever changes what is global puts it back.
    isolate: false,
    // CI has two cores. Most files wait more than they compute: for processes, for Redis, for the service.
    maxWorkers: 6,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // CI reads this plain line.
    reporters: ['default', './test/support/closing-line.ts'],
  },
})
