/**
 * `npm run bars` runs them all in full, in about an hour; `npm run bars -- --short` a short run of some; names
 * choose among all of them.
 */

import { parseArgs } from 'node:util'
import build from '../support/build.ts'
import { killAll } from '../support/processes.ts'
import { cancel } from './cancel.ts'
import { find } from './find.ts'
import { gateCost } from './gate-cost.ts'
import { httpAbuse } from './http-abuse.ts'
import { httpBulk, httpBulkKilled } from './http-bulk.ts'
import { kill } from './kill.ts'
import { backfill, longLine } from './lanes.ts'
import { memory } from './memory.ts'
import { OUTAGE_KINDS, type OutageKind, outage } from './outage.ts'
import { pause } from './pause.ts'
import { poisonAmongGood, poisonAtTheEnd, serviceDownAtTheEnd } from './poison.ts'
import { quietOutage } from './quiet-outage.ts'
import { rate } from './rate.ts'
import {
  ALONE_KINDS,
  acceptedCode,
  itsCertificateExpired,
  ourCertificateExpired,
  REFUSAL_KINDS,
  refused,
  refusedAlone,
} from './refusals.ts'
import { type Figure, report } from './report.ts'
import { sharing } from './sharing.ts'
import { soap } from './soap.ts'
import { standIn } from './stand-in.ts'
import { stop } from './stop.ts'
import { waiting } from './waiting.ts'

const {
  values: { short, help },
  positionals: chosen,
} = parseArgs({
  options: { short: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
  allowPositionals: true,
})

const outageOf = (kind: OutageKind, lookupAttempts?: number) => () =>
  outage({
    kind,
    ...(short
      ? { seconds: 10, queued: 200, ratePerSecond: 50, callTimeoutMs: 3000 }
      : { seconds: 60, queued: 1000, ratePerSecond: 50, callTimeoutMs: 10_000 }),
    ...(lookupAttempts === undefined ? {} : { lookupAttempts }),
  })
const refusal = short ? { lookups: 100, seconds: 2 } : { lookups: 500, seconds: 20 }

const BARS: Record<string, () => Promise<Figure[]>> = {
  kill: () =>
    kill(
      short
        ? { lookups: 600, killEveryMs: 5000, ratePerSecond: 50, latencyMs: [50, 500] }
        : { lookups: 5000, killEveryMs: 5000, ratePerSecond: 50, latencyMs: [50, 500] },
    ),
  'stand-in': () => standIn({ seconds: short ? 3 : 20 }),
  soap: () => soap({ megabytes: short ? 2 : 10 }),
  stop: () => stop({ shutdownTimeoutMs: short ? 2000 : 5000 }),
  rate: () => rate({ ratePerSecond: 50, seconds: short ? 5 : 60 }),
  'rate-500': () => rate({ ratePerSecond: 500, seconds: short ? 5 : 60 }),
  'rate-clock': () => rate({ ratePerSecond: 50, seconds: short ? 5 : 60, clockAhead: true }),
  ...Object.fromEntries(OUTAGE_KINDS.map((kind) => [`outage-${kind.replace(/\W/, '-')}`, outageOf(kind)])),
  'outage-two-attempts': outageOf('soap:Server', 2),
  'outage-quiet': () => quietOutage({ scale: short ? 40 : 20 }),
  ...Object.fromEntries(
    REFUSAL_KINDS.map((kind) => [`refused-${kind.replace(' ', '-')}`, () => refused(kind, refusal)]),
  ),
  ...Object.fromEntries(
    ALONE_KINDS.map((kind) => [
      `alone-${kind.split(', ')[1]?.replaceAll(' ', '-')}`,
      () => refusedAlone(kind, { seconds: short ? 15 : 60 }),
    ]),
  ),
  'accepted-code': () => acceptedCode(refusal),
  'our-certificate': () => ourCertificateExpired(refusal),
  'its-certificate': () => itsCertificateExpired(refusal),
  'retry-after': () => pause({ seconds: short ? 5 : 20 }),
  sharing: () => sharing({ lookups: 1000, cacheTtlMs: 0 }),
  'sharing-cache': () => sharing({ lookups: 1000, cacheTtlMs: 60_000 }),
  poison: () => poisonAmongGood(short ? { good: 400, ratePerSecond: 50 } : { good: 10_000, ratePerSecond: 50 }),
  'poison-last': () => poisonAtTheEnd(),
  'poison-or-service': () => serviceDownAtTheEnd({ seconds: short ? 45 : 120 }),
  backfill: () =>
    backfill(short ? { lookups: 5000, seconds: 15, everyMs: 1500 } : { lookups: 100_000, seconds: 300, everyMs: 5000 }),
  line: () => longLine({ seconds: short ? 12 : 120, lookupDeadlineMs: short ? 5000 : 25_000, failing: 0 }),
  'line-503': () => longLine({ seconds: short ? 12 : 120, lookupDeadlineMs: short ? 5000 : 25_000, failing: 0.2 }),
  waiting: () => waiting({ seconds: short ? 10 : 60, ratePerSecond: 50 }),
  find: () => find({ waiting: short ? 50_000 : 1_000_000, withinMs: 30_000 }),
  cancel: () => cancel(short ? { lookups: 3000, rate: 1000 } : { lookups: 100_000, rate: 2500 }),
  'http-abuse': () =>
    httpAbuse(
      short
        ? { sockets: 200, streams: 1000, guessing: { sockets: 100, perSecond: 10_000, forMs: 5000 } }
        : { sockets: 1000, streams: 1000, guessing: { sockets: 500, perSecond: 10_000, forMs: 20_000 } },
    ),
  'http-bulk': () => httpBulk({ ids: short ? 50_000 : 1_000_000 }),
  'http-bulk-killed': () => httpBulkKilled({ ids: short ? 20_000 : 1_000_000 }),
  memory: () => memory({ each: 20_000 }),
  'gate-cost': () => gateCost({ rounds: short ? 4 : 20, secondsEach: 2 }),
}

/** What the short runs have time for, without names. */
const IN_SHORT = ['stop', 'retry-after', 'sharing']

const unknown = chosen.filter((name) => !(name in BARS))
if (help || unknown.length > 0) {
  if (unknown.length > 0) console.error(`There is no bar ${unknown.join(', ')}.\n`)
  console.log(`npm run bars -- [--short] [NAME...], with NAME any of:\n  ${Object.keys(BARS).join('\n  ')}`)
  process.exit(unknown.length > 0 ? 2 : 0)
}

build()
let passed = 0
let failed = 0
for (const [name, bar] of Object.entries(BARS)) {
  if (!(chosen.length > 0 ? chosen : short ? IN_SHORT : Object.keys(BARS)).includes(name)) continue
  const ok = report(name, await bar())
  await killAll()
  if (ok) passed++
  else failed++
}
console.log(`\n${passed} passed, ${failed} failed`)
process.exit(failed > 0 ? 1 : 0)
