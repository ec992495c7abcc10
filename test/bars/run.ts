/** `npm run bars` runs them all in full; `npm run bars -- --short`, as CI does, a short run of each; names choose. */

import build from '../support/build.ts'
import { killAll } from '../support/processes.ts'
import { kill } from './kill.ts'
import { rate } from './rate.ts'
import { type Figure, report } from './report.ts'
import { soap } from './soap.ts'
import { standIn } from './stand-in.ts'
import { stop } from './stop.ts'

const short = process.argv.includes('--short')
const chosen = process.argv.slice(2).filter((name) => !name.startsWith('--'))

const BARS: Record<string, () => Promise<Figure[]>> = {
  kill: () =>
    kill(
      short
        ? { lookups: 600, killEveryMs: 5000, ratePerSecond: 50, latencyMs: [50, 500] }
        : { lookups: 5000, killEveryMs: 5000, ratePerSecond: 50, latencyMs: [50, 500] },
    ),
  'stand-in': () => standIn({ seconds: short ? 3 : 20 }),
  rate: () => rate({ seconds: short ? 10 : 60, processes: 4 }),
  soap: () => soap({ megabytes: short ? 2 : 10 }),
  stop: () => stop({ shutdownTimeoutMs: short ? 2000 : 5000 }),
}

build()
let passed = 0
let failed = 0
for (const [name, bar] of Object.entries(BARS)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue
  const ok = report(name, await bar())
  await killAll()
  if (ok) passed++
  else failed++
}
console.log(`\n${passed} passed, ${failed} failed`)
process.exit(failed > 0 ? 1 : 0)
