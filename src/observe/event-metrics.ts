/** Which facts are counted, and where. */

import type { LookupEvent, Observe } from '../domain/event.ts'
import type { Metrics } from './metrics.ts'

type Counts = { [K in LookupEvent['type']]?: (event: Extract<LookupEvent, { type: K }>) => void }

/** `clock` gives seconds since 1970. */
export function countEvents(metrics: Metrics, clock: () => number): Observe {
  const counts: Counts = {
    'call-started': () => metrics.callsInFlight.inc(),
    'call-finished': ({ outcome, durationMs, responseBytes }) => {
      metrics.callsInFlight.dec()
      metrics.callDuration.observe(durationMs / 1000, outcome)
      if (responseBytes > 0) metrics.responseBytes.observe(responseBytes)
    },
    'unexpected-content-type': () => metrics.unexpectedContentType.inc(),
    'tls-certificate-seen': ({ expiresAt }) => metrics.certificateExpiry.set(expiresAt / 1000),
    'permit-granted': ({ waitedMs }) => metrics.permitWait.observe(waitedMs / 1000),
    'attempt-started': ({ first, waitedMs }) => {
      if (first) metrics.lookupWait.observe(waitedMs / 1000)
    },
    'attempt-finished': ({ status, durationMs }) => {
      if (status !== 'handed-back') metrics.lookupDuration.observe(durationMs / 1000, status)
    },
    'hold-began': ({ reason }) => metrics.holds.inc({ reason }),
    'call-shared': ({ source }) => metrics.callsShared.inc({ source }),
    verdict: ({ verdict, reason }) => metrics.verdicts.inc({ verdict, reason }),
    retry: ({ reason }) => metrics.retries.inc({ reason }),
    published: ({ status, sinceEnqueuedMs, timing, redrive }) => {
      metrics.phases.add(timing)
      if (redrive) metrics.redrives.inc()
      metrics.lookups.inc({ status })
      metrics.published.inc({ status })
      metrics.ownWait.observe((timing.waitedMs + timing.pacedMs) / 1000)
      metrics.endToEnd.observe(sinceEnqueuedMs / 1000)
      if (status === 'enriched') metrics.lastSuccess.set(clock())
    },
    suppressed: () => metrics.suppressed.inc(),
    recovered: () => metrics.recovered.inc(),
    'handed-back': () => metrics.handedBack.inc(),
    'memory-policy': ({ isSafe }) => metrics.evictionPolicyOk.set(isSafe ? 1 : 0),
    'redis-error': ({ kind }) => metrics.redisErrors.inc({ kind }),
  }
  return (event) => (counts[event.type] as ((event: LookupEvent) => void) | undefined)?.(event)
}
