/** The service fails everybody for a while: the fleet notices at once, leaves it in peace, and no lookup pays for it. */

import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, CHAT, type ScriptedService } from '../support/scripted-service.ts'
import { until } from '../support/world.ts'
import { allEnriched, callsBetween, type Fleet, info, paceReached, startFleet, timeUntil } from './fleet.ts'
import { atMost, type Figure } from './report.ts'

const OUTAGES = {
  '500': { say: 'status', status: 500 },
  hang: { say: 'hang' },
  refused: null,
  reset: { say: 'reset' },
  'HTML 500': { say: 'page', status: 500 },
  'soap:Server': { say: 'fault', code: 'Server' },
} as const satisfies Record<string, Answer | null>

export type OutageKind = keyof typeof OUTAGES
export const OUTAGE_KINDS = Object.keys(OUTAGES) as OutageKind[]

export interface OutageOptions {
  kind: OutageKind
  seconds: number
  /** Lookups that wait when it begins; half as many come in the course of it. */
  queued: number
  ratePerSecond: number
  callTimeoutMs: number
  lookupAttempts?: number
}

/** The service's, by default. */
const HOLD_MAX_MS = 15_000

export async function outage(options: OutageOptions): Promise<Figure[]> {
  const { kind, seconds, queued, ratePerSecond, callTimeoutMs, lookupAttempts } = options
  const fleet = await startFleet({
    env: {
      RATE_LIMIT_PER_SECOND: String(ratePerSecond),
      SOAP_CALL_TIMEOUT_MS: String(callTimeoutMs),
      ...(lookupAttempts === undefined ? {} : { LOOKUP_ATTEMPTS: String(lookupAttempts) }),
    },
  })
  const { service } = fleet
  const answeredBefore = ratePerSecond
  await fleet.enqueue(answeredBefore + queued)
  await until('the service is asked', () => service.calls.length >= answeredBefore)
  const inFlight = service.inFlight
  const startedAt = performance.now()
  await begin(service, kind)
  const heldAfter = timeUntil(async () => (await fleet.holdShown()) !== '', seconds * 1000)
  const refusedUntilHeld = heldAfter.then(() => refusedCalls(fleet, kind))
  const arriving = arrive(fleet, queued / 2, seconds * 1000)
  await sleep((seconds * 1000) / 2)
  const refusedBefore = await refusedCalls(fleet, kind)
  await fleet.restartAll()
  await arriving
  await sleep(startedAt + seconds * 1000 - performance.now())
  const refusedInAll = refusedBefore + (await refusedCalls(fleet, kind))
  const endedAt = performance.now()
  await end(service, kind)
  const ms = await heldAfter
  const before = callsBetween(service, startedAt, startedAt + ms).length + (await refusedUntilHeld)
  const inHold = callsBetween(service, startedAt + ms, endedAt).length + refusedInAll - (await refusedUntilHeld)
  const count = answeredBefore + queued * 1.5
  const complete = await allEnriched(fleet, count, HOLD_MAX_MS + 60_000 + (count / ratePerSecond) * 1000)
  const figures = [
    heldSoon(ms - (kind === 'hang' ? callTimeoutMs : 0), before, inFlight),
    atMost('calls in the hold', inHold, Math.ceil(seconds * ratePerSecond * 0.01)),
    info('calls in the outage in all', before + inHold),
    atMost('full pace after it, s', paceReached(service, endedAt, ratePerSecond * 0.9) / 1000, HOLD_MAX_MS / 1000 + 5),
    ...complete,
    info('calls for each lookup', service.calls.length / count),
  ]
  await fleet.close()
  return figures
}

/** What a closed port refuses only the workers can tell. */
async function refusedCalls({ metric }: Fleet, kind: OutageKind): Promise<number> {
  if (OUTAGES[kind] !== null) return 0
  return metric('soap_call_duration_seconds_count', 'outcome="network"')
}

async function begin(service: ScriptedService, kind: OutageKind): Promise<void> {
  const answer = OUTAGES[kind]
  if (answer === null) await service.refuse()
  else service.script = () => answer
}

async function end(service: ScriptedService, kind: OutageKind): Promise<void> {
  service.script = () => CHAT
  if (OUTAGES[kind] === null) await service.accept()
}

/** Ten at a time, evenly. */
async function arrive(fleet: Fleet, count: number, inMs: number): Promise<void> {
  for (let arrived = 0; arrived < count; arrived += 10) {
    await fleet.enqueue(Math.min(10, count - arrived), `late-${arrived}-`)
    await sleep((inMs * 0.9 * 10) / count)
  }
}

/** Either is soon enough: few seconds, or few calls. */
function heldSoon(ms: number, calls: number, inFlight: number): Figure {
  return {
    what: 'held after, s and calls',
    got: `${(ms / 1000).toFixed(1)} s, ${calls}`,
    bar: `<= 3 s or ${20 + inFlight} calls`,
    ok: ms <= 3000 || (calls <= 20 + inFlight && Number.isFinite(ms)),
  }
}
