/**
 * What the fleet does, as one stream of snapshots that all pages share. Nobody is asked while the page is hidden or paused;
 * what is shown then is as old as it says.
 */

import { computed, effect, signal } from '@preact/signals'
import type { FleetStatus } from '../../../fleet/status.ts'
import { ask, Refused } from './api.ts'
import { session } from './session.ts'
import { now } from './time.ts'

/** Why nothing comes: the API cannot be reached, or it cannot reach Redis. */
export type Trouble = 'api' | 'redis'

export const status = signal<FleetStatus | null>(null)
/** When the last snapshot came, by this machine's clock. */
export const seenAt = signal<number | null>(null)
export const trouble = signal<Trouble | null>(null)
export const isPaused = signal(false)

/** It should be a second old. */
const STALE_AFTER_MS = 4_000
export const isStale = computed(() => seenAt.value !== null && now.value - seenAt.value > STALE_AFTER_MS)

const isHidden = signal(document.hidden)
document.addEventListener('visibilitychange', () => {
  isHidden.value = document.hidden
})

export const isWatching = computed(
  () => typeof session.value === 'object' && session.value !== null && !isPaused.value && !isHidden.value,
)

effect(() => {
  if (!isWatching.value) return
  const stop = new AbortController()
  void watch(stop.signal)
  return () => stop.abort(new Error('not watched'))
})

const EVERY_MS = 1000

async function watch(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await look(signal)
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
  }
}

async function look(signal: AbortSignal): Promise<void> {
  try {
    took(await ask<FleetStatus>('GET', 'v1/status', undefined, signal))
  } catch (error) {
    if (!signal.aborted) failed(error)
  }
}

/** Something was done, which whoever did it wants to see at once. */
export async function lookNow(): Promise<void> {
  await look(new AbortController().signal)
}

function took(snapshot: FleetStatus): void {
  status.value = snapshot
  seenAt.value = Date.now()
  trouble.value = null
}

function failed(error: unknown): void {
  if (error instanceof Refused && (error.status === 401 || error.status === 403)) return
  trouble.value = error instanceof Refused && error.code.startsWith('redis') ? 'redis' : 'api'
}
