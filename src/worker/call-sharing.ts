/**
 * Lookups of one connection id share a call. The first to come makes it; those that come while it is on its way wait for
 * what it comes to, in this process by a promise, in others through Redis:
 *
 *     answered, or failed      so it is for all who wait
 *     given up by its maker    (stopped, died, held): the next one makes it, and nobody is charged
 *
 * An answer also serves who was enqueued before the call began and is taken up a moment after it ended: it is as new as
 * one of its own would be. With CACHE_TTL_MS a ChatRequest serves everybody for that long.
 */

import { every, orAborted, sleep } from '../clock.ts'
import type { ServiceRecord } from '../domain/chat-request.ts'
import type { Observe } from '../domain/event.ts'
import { type Failure, LookupFailure } from '../domain/failure.ts'
import type { Lane } from '../domain/lane.ts'
import type { Outcome } from '../domain/outcome.ts'
import type { SharedCalls } from '../queues/shared-calls.ts'

/** Where a lookup's answer came from. */
export type AnswerSource = 'service' | 'shared' | 'cache'

export interface Answer {
  outcome: Outcome
  source: AnswerSource
}

export interface Sharer {
  lane: Lane
  connectionId: string
  enqueuedAt: number
}

/** What a call came to, as all who share it are told. */
type End = { outcome: Outcome } | { failure: Failure; record: ServiceRecord | null }

interface Meeting {
  /** Null when the one who leads gave up. */
  end: Promise<{ end: End; source: AnswerSource } | null>
  isFollowed: boolean
}

const LOOK_EVERY_MS = 50

export class CallSharing {
  readonly #calls: SharedCalls
  readonly #observe: Observe
  /** Calls that lookups of this process are waiting for, by lane and connection id. */
  readonly #here = new Map<string, Meeting>()

  constructor(calls: SharedCalls, observe: Observe) {
    this.#calls = calls
    this.#observe = observe
  }

  /** Rejects with a LookupFailure, its own or the shared one; with the signal's reason; or with what `call` rejects with. */
  async share(sharer: Sharer, signal: AbortSignal, call: () => Promise<Outcome>): Promise<Answer> {
    const key = `${sharer.lane} ${sharer.connectionId}`
    for (let known = this.#here.get(key); known; known = this.#here.get(key)) {
      known.isFollowed = true
      const shared = await orAborted(known.end, signal)
      if (shared) return this.#unwrap(shared.end, shared.source === 'cache' ? 'cache' : 'shared')
    }
    return this.#meetAs(key, (meeting) => this.#meet(sharer, signal, call, meeting))
  }

  async #meetAs(key: string, meet: (meeting: Meeting) => Promise<{ end: End; source: AnswerSource }>): Promise<Answer> {
    const meeting: Meeting = { end: Promise.resolve(null), isFollowed: false }
    const work = meet(meeting)
    meeting.end = work.catch(() => null)
    this.#here.set(key, meeting)
    try {
      const { end, source } = await work
      return this.#unwrap(end, source)
    } finally {
      this.#here.delete(key)
    }
  }

  /** Meets those of other processes. */
  async #meet(sharer: Sharer, signal: AbortSignal, call: () => Promise<Outcome>, meeting: Meeting) {
    for (let following = ''; ; ) {
      const place = await this.#calls.join(sharer, following)
      switch (place.is) {
        case 'leader':
          return { end: await this.#lead(sharer, place.token, call, meeting), source: 'service' as const }
        case 'answered':
          return { end: JSON.parse(place.end) as End, source: place.source }
        case 'follower':
          following = place.leader
          await sleep(LOOK_EVERY_MS * (0.5 + Math.random()), signal)
      }
    }
  }

  async #lead(sharer: Sharer, token: string, call: () => Promise<Outcome>, meeting: Meeting): Promise<End> {
    const renewal = every(this.#calls.renewEveryMs, () => this.#calls.renew(sharer, token))
    let end: End | null = null
    try {
      end = await call().then((outcome) => ({ outcome }), asEnd)
      return end
    } finally {
      renewal.stop()
      this.#calls.leave(sharer, token, end && inText(end), meeting.isFollowed)
    }
  }

  #unwrap(end: End, source: AnswerSource): Answer {
    if (source !== 'service') this.#observe({ type: 'call-shared', source })
    if ('outcome' in end) return { outcome: end.outcome, source }
    throw new LookupFailure(end.failure, end.record)
  }
}

function asEnd(error: unknown): End {
  if (!(error instanceof LookupFailure)) throw error
  return { failure: error.failure, record: error.record }
}

function inText(end: End) {
  const good = 'outcome' in end
  return { text: JSON.stringify(end), good, found: good && end.outcome.status === 'enriched' }
}
