/**
 * How much of Redis a fleet fills in the end with what it remembers: finished lookups and markers. Lookups and results that
 * wait come on top, as many as there are; so do dead letters, which are few or are looked at.
 */

import type { Keeps, SeenMember } from './members.ts'
import type { RedisMemory } from './redis-memory.ts'

export interface MemoryNeed {
  /** Lookups a second: the limit in force, or what the fleet does at the moment where there is no limit. */
  perSecond: number
  bytes: number
  /** What Redis may use: its maxmemory, or else the memory of its machine; null: it does not say. */
  availableBytes: number | null
  /** LOOKUP_RETENTION_MS and RESULT_MARKER_TTL_MS, the longest of all workers. */
  keeps: Keeps
}

/** As measured by `npm run bench -- bytes` in Redis' default, with connection ids of 36 characters and no correlation id. */
const BYTES = { finishedLookup: 259, marker: 29 }
/** A marker may live half as long again, a finished lookup an eighth (queues/marker.ts, queues/finished-lookups.ts). */
const MARKERS_LIVE = 1.5
const LOOKUPS_LIVE = 1.125

/** Null where no worker says how long it keeps what. */
export function memoryNeed(
  members: readonly Pick<SeenMember, 'keeps'>[],
  perSecond: number,
  memory: RedisMemory | null,
): MemoryNeed | null {
  const said = members.flatMap(({ keeps }) => keeps ?? [])
  if (said.length === 0) return null
  const keeps = {
    lookupsMs: Math.max(...said.map(({ lookupsMs }) => lookupsMs)),
    markersMs: Math.max(...said.map(({ markersMs }) => markersMs)),
  }
  const each = keeps.lookupsMs * LOOKUPS_LIVE * BYTES.finishedLookup + keeps.markersMs * MARKERS_LIVE * BYTES.marker
  const availableBytes = memory?.maxBytes ?? memory?.machineBytes ?? null
  return { perSecond, bytes: Math.round((perSecond / 1000) * each), availableBytes, keeps }
}
