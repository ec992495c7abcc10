/** `Retry-After` to one of the processes: none of them calls until it is over. */

import { setTimeout as sleep } from 'node:timers/promises'
import { CHAT } from '../support/scripted-service.ts'
import { until } from '../support/world.ts'
import { allEnriched, callsBetween, info, startFleet } from './fleet.ts'
import { atMost, exactly, type Figure } from './report.ts'

/** What was let go before the answer was read and told may still arrive. */
const TOLD_WITHIN_MS = 500

export async function pause({ seconds }: { seconds: number }): Promise<Figure[]> {
  const fleet = await startFleet({})
  const { service } = fleet
  const lookups = 400
  await fleet.enqueue(lookups)
  await until('the service is asked', () => service.calls.length >= 100)
  let saidAt = 0
  service.script = () => {
    if (saidAt > 0) return CHAT
    saidAt = performance.now() + service.latencyMs
    return { say: 'status', status: 503, retryAfter: seconds }
  }
  await until('one process is asked to wait', () => saidAt > 0)
  await sleep(saidAt + seconds * 1000 - performance.now())
  const over = saidAt + seconds * 1000
  const complete = await allEnriched(fleet, lookups, 60_000)
  const next = service.calls.find(({ at }) => at >= over)
  const figures = [
    exactly(`calls in the ${seconds} s`, callsBetween(service, saidAt + TOLD_WITHIN_MS, over).length, 0),
    info(`  let go before, within ${TOLD_WITHIN_MS} ms`, callsBetween(service, saidAt, saidAt + TOLD_WITHIN_MS).length),
    atMost('next call after it, s', ((next?.at ?? Number.POSITIVE_INFINITY) - over) / 1000, 5),
    ...complete,
  ]
  await fleet.close()
  return figures
}
