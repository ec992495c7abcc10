/** An outage of ten minutes at one lookup every 20 s, all times divided by the same number: held, and nobody pays. */

import { setTimeout as sleep } from 'node:timers/promises'
import { CHAT } from '../support/scripted-service.ts'
import { allEnriched, callsBetween, info, startFleet, timeUntil } from './fleet.ts'
import { atMost, type Figure } from './report.ts'

const OUTAGE_MS = 600_000
const EVERY_MS = 20_000

export async function quietOutage({ scale }: { scale: number }): Promise<Figure[]> {
  const scaled = (ms: number) => String(Math.round(ms / scale))
  const fleet = await startFleet({
    env: {
      BREAKER_WINDOW_MS: scaled(10_000),
      HOLD_MIN_MS: scaled(1000),
      HOLD_MAX_MS: scaled(15_000),
      LOOKUP_BACKOFF_MIN_MS: scaled(1000),
      LOOKUP_BACKOFF_MAX_MS: scaled(300_000),
    },
  })
  const { service } = fleet
  await fleet.enqueue(5, 'before-')
  await fleet.consumer.have(5)
  service.script = () => ({ say: 'fault', code: 'Server' })
  const startedAt = performance.now()
  const heldAfter = timeUntil(async () => (await fleet.holdShown()) === 'service', OUTAGE_MS / scale)
  const count = OUTAGE_MS / EVERY_MS
  for (let sent = 0; sent < count; sent++) {
    await fleet.enqueue(1, `quiet-${sent}-`)
    await sleep(EVERY_MS / scale)
  }
  const endedAt = performance.now()
  service.script = () => CHAT
  const ms = await heldAfter
  const complete = await allEnriched(fleet, 5 + count, 120_000)
  const probes = OUTAGE_MS / 15_000 + 5
  const figures = [
    // Five calls that fail and a window: two lookups, were the waits between quick retries divided, too.
    atMost('held after, in lookups that came', ms / (EVERY_MS / scale), 10),
    atMost('calls in the hold: probes', callsBetween(service, startedAt + ms, endedAt).length, probes),
    info('calls in the outage in all', callsBetween(service, startedAt, endedAt).length),
    ...complete,
  ]
  await fleet.close()
  return figures
}
