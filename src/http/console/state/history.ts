/** The last hour, looked at again every ten seconds while anybody looks. */

import { effect, signal } from '@preact/signals'
import type { History } from '../../../fleet/history.ts'
import { ask } from './api.ts'
import { isWatchingMore } from './live.ts'

export const history = signal<History | null>(null)

const EVERY_MS = 5_000

effect(() => {
  if (!isWatchingMore.value) return
  const stop = new AbortController()
  const look = () => {
    ask<History>('GET', 'v1/history', undefined, stop.signal).then(
      (read) => {
        history.value = read
      },
      () => {}, // what is wrong, the status tells
    )
  }
  look()
  const timer = setInterval(look, EVERY_MS)
  return () => {
    clearInterval(timer)
    stop.abort(new Error('not watched'))
  }
})
