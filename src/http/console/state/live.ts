/**
 * What the fleet does, as one stream of snapshots that all pages share. Nobody is asked while the page is hidden or paused;
 * what is shown then is as old as it says.
 */

import { computed, effect, signal } from '@preact/signals'
import type { FleetStatus } from '../../../fleet/status.ts'
import { ask, Refused } from './api.ts'
import { may } from './session.ts'
import { now } from './time.ts'

/** Why nothing comes: the API cannot be reached, or it cannot reach Redis. */
export type Trouble = 'api' | 'redis'

export const status = signal<FleetStatus | null>(null)
/** When the last snapshot came, by this machine's clock. */
export const seenAt = signal<number | null>(null)
export const trouble = signal<Trouble | null>(null)
export const isPaused = signal(false)

/** Somebody can see how the fleet is. What takes longer to load, to read or to draw begins then, and not before. */
export const isDrawn = signal(false)

/** There is something to say, or it takes long: a page drawn before its first sentence as well says that sentence later. */
export const hasBegun = signal(false)
const BEGIN_AFTER_MS = 500

/** It should be a second old. */
const STALE_AFTER_MS = 4_000
export const isStale = computed(() => seenAt.value !== null && now.value - seenAt.value > STALE_AFTER_MS)

const isHidden = signal(document.hidden)
document.addEventListener('visibilitychange', () => {
  isHidden.value = document.hidden
})

/** Nor does somebody who may not look: the API would refuse it. */
export const isWatching = computed(() => may('view') && !isPaused.value && !isHidden.value)

/** The same, once the first snapshot is drawn. */
export const isWatchingMore = computed(() => isWatching.value && isDrawn.value)

effect(() => {
  if (!isWatching.value) return
  const stop = new AbortController()
  if (!isDrawn.peek()) void lookNow()
  setTimeout(() => (hasBegun.value = true), BEGIN_AFTER_MS)
  watch(stop.signal)
  return () => stop.abort(new Error('not watched'))
})

/** The browser itself connects again where the connection broke; where it was refused, it does not. */
const AGAIN_MS = 2_000

function watch(signal: AbortSignal): void {
  if (signal.aborted) return
  const stream = new EventSource('v1/live')
  const close = () => stream.close()
  signal.addEventListener('abort', close)
  stream.addEventListener('status', ({ data }) => took(JSON.parse(data) as FleetStatus))
  stream.addEventListener('problem', ({ data }) => {
    const { code = '' } = JSON.parse(data) as { code?: string }
    trouble.value = code.startsWith('redis') ? 'redis' : 'api'
  })
  stream.addEventListener('error', () => {
    if (signal.aborted) return
    trouble.value ??= 'api'
    if (stream.readyState !== EventSource.CLOSED) return
    signal.removeEventListener('abort', close)
    void sayWhy(signal)
    setTimeout(() => watch(signal), AGAIN_MS)
  })
}

/** A stream does not tell why it was refused; a question does, and ends the session if that is why. */
async function sayWhy(signal: AbortSignal): Promise<void> {
  await ask('GET', 'v1/status', undefined, signal).then(
    () => {},
    (error: unknown) => {
      if (error instanceof Refused && error.code.startsWith('redis')) trouble.value = 'redis'
    },
  )
}

/** Something was done, which whoever did it wants to see at once. */
export async function lookNow(): Promise<void> {
  await ask<FleetStatus>('GET', 'v1/status').then(took, () => {})
}

function took(snapshot: FleetStatus): void {
  status.value = snapshot
  seenAt.value = Date.now()
  trouble.value = null
  hasBegun.value = true
  if (!isDrawn.value) requestAnimationFrame(() => setTimeout(() => (isDrawn.value = true)))
}
