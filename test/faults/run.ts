/**
 * `npm run test:faults` breaks everything once, each fault a test of its own; `-- --short` those that need little time.
 * `-- --seed N --minutes M` mixes faults at random instead, as CI does for a moment.
 */

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: 'boolean', default: false },
    seed: { type: 'string' },
    minutes: { type: 'string' },
    seeds: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const HELP = `npm run test:faults -- [options] [part of a file's name …]

Breaks things on purpose, on real processes, and has an auditor say whether each accepted lookup got exactly one result.
  --short       only what needs little time
  --seed N      faults at random instead, from this seed (printed where it is chosen)
  --minutes M   for so long (0.75)
  --seeds K     so many runs, from seed N on`

if (values.help) {
  console.log(HELP)
} else if (values.seed !== undefined || values.minutes !== undefined || values.seeds !== undefined) {
  const { randomRun } = await import('./random.ts')
  process.exit(await randomRun(values))
} else {
  const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
  const args = [vitest, 'run', '--config', 'vitest.faults.config.ts', ...positionals]
  const env = values.short ? { ...process.env, FAULTS_SHORT: '1' } : process.env
  process.exit(spawnSync(process.execPath, args, { stdio: 'inherit', env }).status ?? 1)
}
