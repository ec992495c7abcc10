/** Whether the service is called, or what keeps it from that: where no hold is on, it may be something else. */

import type { FleetStatus } from '../../../fleet/status.ts'
import { T } from '../texts.ts'
import { howItGoes } from './how.ts'

export interface Verdict {
  good: 'good' | 'warn' | 'bad'
  label: string
  means: string
}

/** Holds stand for themselves. */
export function verdictsOf(status: FleetStatus): Verdict[] {
  const stops = stopsOf(status)
  if (stops.length > 0 || status.serviceProblem !== null || status.holds.length > 0) return stops
  return [goesOf(status, status.pace?.share ?? null)]
}

/** What lets no lookup be looked up, but for holds. */
export function stopsOf(status: FleetStatus): Verdict[] {
  return [...fullOf(status), ...nobodyOf(status), ...pausedOf(status)]
}

function fullOf({ redis }: FleetStatus): Verdict[] {
  return redis?.isFull ? [{ good: 'bad', label: T.hold.full, means: T.now.full(redis) }] : []
}

function nobodyOf({ members }: FleetStatus): Verdict[] {
  return members?.length === 0 ? [{ good: 'bad', label: T.hold.nobody, means: T.hold.nobodyMeans }] : []
}

/** That of results keeps no call from being made. */
function pausedOf({ queues: [lookups, interactive] }: FleetStatus): Verdict[] {
  const paused = [lookups, interactive].flatMap((queue) => (queue?.isPaused ? [queue.queue] : []))
  return paused.length > 0 ? [{ good: 'warn', label: T.hold.paused, means: T.hold.pausedMeans(paused.join(', ')) }] : []
}

function goesOf(status: FleetStatus, share: number | null): Verdict {
  const how = howItGoes(status)
  if (how === 'slow') return { good: 'warn', label: T.hold.slow, means: T.hold.slowMeans }
  if (share !== null) return { good: 'warn', label: T.hold.atPace(share), means: T.hold.atPaceMeans }
  return how === 'idle'
    ? { good: 'good', label: T.hold.idle, means: T.hold.idleMeans }
    : { good: 'good', label: T.hold.works, means: T.hold.worksMeans }
}
