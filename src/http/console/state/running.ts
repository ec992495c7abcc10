/**
 * Actions on many lookups that are on their way, whoever began them. They are in the activity, so a page that is loaded
 * anew finds them again.
 */

import { effect, signal } from '@preact/signals'
import type { Activity } from '../../../fleet/activity.ts'
import { ask, Refused } from './api.ts'
import { isWatchingMore } from './live.ts'

/** As GET /v1/actions/{id} tells. */
export interface ActionProgress {
  id: string
  at: string
  who: string
  action: string
  state: Activity['state']
  count: number
  refused: number
  looked: number
  waitsFor: string | null
  endedAt: string | null
}

/** The newest first; null: not read yet. */
export const activity = signal<Activity[] | null>(null)
/** Those that run, and those that this page has seen end. */
export const running = signal<readonly ActionProgress[]>([])

const EVERY_MS = 1000
/** The activity is a longer read, and what is new in it is mostly somebody else's. */
const ACTIVITY_EACH = 5
const SHOWN = 100

/** How many it was to be done to, as its plan said; kept by the tab, so that a reload does not forget. */
export function expectCount(id: string, count: number): void {
  sessionStorage.setItem(`count:${id}`, String(count))
}

export function expectedCount(id: string): number | null {
  const count = Number(sessionStorage.getItem(`count:${id}`))
  return count > 0 ? count : null
}

/** It was begun here. */
export function follow(progress: ActionProgress): void {
  running.value = [progress, ...running.value.filter(({ id }) => id !== progress.id)]
}

/** Resolves when it runs no more, as far as this page sees. */
export function ended(id: string): Promise<void> {
  return new Promise((resolve) => {
    const stop = running.subscribe((all) => {
      if (all.some((one) => one.id === id && one.state === 'running')) return
      resolve()
      queueMicrotask(() => stop()) // the first look is made before there is anything to stop
    })
  })
}

export function dismiss(id: string): void {
  running.value = running.value.filter((one) => one.id !== id)
}

export async function readActivity(): Promise<void> {
  const { activity: read } = await ask<{ activity: Activity[] }>('GET', `v1/activity?limit=${SHOWN}`)
  activity.value = read
  const known = new Set(running.value.map(({ id }) => id))
  const found = read.filter(({ state, id }) => state === 'running' && id !== null && !known.has(id))
  for (const { id } of found) follow(await ask<ActionProgress>('GET', `v1/actions/${id}`))
}

async function lookAtRunning(): Promise<void> {
  for (const { id, state } of running.value) {
    if (state !== 'running') continue
    const seen = await ask<ActionProgress>('GET', `v1/actions/${id}`).catch((error) => forgotten(id, error))
    if (!seen) continue
    running.value = running.value.map((one) => (one.id === id ? seen : one))
  }
}

/** Newer entries have pushed it out of the activity: it will never be said to have ended. */
function forgotten(id: string, error: unknown): null {
  if (!(error instanceof Refused) || error.status !== 404) throw error
  dismiss(id)
  return null
}

effect(() => {
  if (!isWatchingMore.value) return
  let turn = 0
  let isLooking = false
  const look = async () => {
    if (isLooking) return
    isLooking = true
    if (turn++ % ACTIVITY_EACH === 0) await readActivity().catch(() => {}) // what is wrong, the status tells
    await lookAtRunning().catch(() => {})
    isLooking = false
  }
  void look()
  const timer = setInterval(() => void look(), EVERY_MS)
  return () => clearInterval(timer)
})
