/**
 * Time, for every part that needs it. Only this file touches `Date` and timers, so that every wait can be found, and ends
 * when its signal says so.
 */

import { setTimeout as timer } from 'node:timers/promises'

/** As much of an AbortSignal as a wait needs. */
export interface Signal {
  readonly aborted: boolean
  // biome-ignore lint/suspicious/noExplicitAny: as AbortSignal's own
  readonly reason: any
  throwIfAborted(): void
  addEventListener(type: 'abort', listener: () => void, options?: { once: true }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/**
 * A signal and its controller in one, for what comes once for each lookup: making an AbortController each time showed in a
 * worker's profile. Listeners are called once, in their order, and must not throw.
 */
export class QuickSignal implements Signal {
  aborted = false
  reason: unknown = undefined
  readonly #listeners: (() => void)[] = []

  abort(reason: unknown): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = reason
    for (const listener of this.#listeners.splice(0)) listener()
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.push(listener)
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    const at = this.#listeners.lastIndexOf(listener)
    if (at >= 0) this.#listeners.splice(at, 1)
  }
}

/** Milliseconds since 1970, by this machine's clock. */
export function now(): number {
  return Date.now()
}

/** Milliseconds on a clock that nobody can set, for durations. */
export function monotonic(): number {
  return performance.now()
}

/** The last seconds that were written, by their number: each lookup writes two times, and many the same. */
const SECONDS = Array.from({ length: 16 }, () => ({ second: Number.NaN, text: '' }))

/** A time in milliseconds as ISO 8601, UTC. */
export function iso(at: number): string {
  const ms = Math.trunc(at)
  const second = Math.floor(ms / 1000)
  const known = SECONDS[second & 15]
  if (known?.second !== second) {
    const text = new Date(ms).toISOString()
    SECONDS[second & 15] = { second, text: text.slice(0, -4) }
    return text
  }
  return `${known.text}${String(ms - second * 1000).padStart(3, '0')}Z`
}

/** Milliseconds of an ISO 8601 text; NaN if the text is none. */
export function fromIso(text: string): number {
  return Date.parse(text)
}

/** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
export function sleep(ms: number, signal?: Signal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const abort = () => {
      clearTimeout(timeout)
      reject(signal?.reason)
    }
    const timeout = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', abort, { once: true })
  })
}

/** Does `task` after `ms`, unless what it returns is called before. */
export function after(ms: number, task: () => void): () => void {
  const timeout = setTimeout(task, ms)
  return () => clearTimeout(timeout)
}

/**
 * A signal that aborts after `ms`, or when the parent aborts. `clear` it when done. The reason is made only when it is
 * needed, because an error is dear and most deadlines are met.
 */
export function deadline(
  ms: number,
  reason: () => Error,
  parent?: AbortSignal,
): { signal: AbortSignal; clear: () => void } {
  const controller = new AbortController()
  const timeout = setTimeout(() => controller.abort(reason()), ms)
  const follow = () => controller.abort(parent?.reason)
  if (parent?.aborted) follow()
  else parent?.addEventListener('abort', follow, { once: true })
  return {
    signal: controller.signal,
    clear: () => {
      clearTimeout(timeout)
      parent?.removeEventListener('abort', follow)
    },
  }
}

/**
 * A signal that aborts with the first of these. `clear` it when done: unlike AbortSignal.any in Node 20, it then leaves nothing
 * behind on a signal that lives long.
 */
export function firstOf(...signals: (AbortSignal | undefined)[]): { signal: AbortSignal; clear: () => void } {
  const controller = new AbortController()
  const follow = signals.flatMap((one) => (one ? [{ one, abort: () => controller.abort(one.reason) }] : []))
  for (const { one, abort } of follow) {
    if (one.aborted) abort()
    else one.addEventListener('abort', abort, { once: true })
  }
  return {
    signal: controller.signal,
    clear: () => {
      for (const { one, abort } of follow) one.removeEventListener('abort', abort)
    },
  }
}

/** Runs `task` every `ms` until stopped, never while the last run still goes. Does not keep the process alive. */
export function every(ms: number, task: () => void | Promise<void>): { stop: () => void } {
  let running = false
  const interval = setInterval(async () => {
    if (running) return
    running = true
    try {
      await task()
    } finally {
      running = false
    }
  }, ms)
  interval.unref()
  return { stop: () => clearInterval(interval) }
}

/** What `promise` resolves to, or `late` if that takes longer than `ms`. Leaves no timer behind. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T | 'late'> {
  const cancel = new AbortController()
  try {
    return await Promise.race([promise, timer(ms, 'late' as const, { signal: cancel.signal })])
  } finally {
    cancel.abort()
  }
}

/** Settles as `promise` does, or rejects with the signal's reason as soon as it aborts. The promise itself goes on. */
export function orAborted<T>(promise: Promise<T>, signal: Signal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
}
