/**
 * Lookups of one connection id share a call. The first to come makes it; those that come while it is on its way wait for
 * its end, in this process by a promise, in others through Redis:
 *
 *     answered, or failed      the same for all who wait
 *     given up by its maker    (stopped, died, held): the next one makes it, and nobody is charged
 *
 * An answer also serves a lookup that was enqueued before the call began and is taken up a moment after it ended, because
 * its own answer would be no newer. With CACHE_TTL_MS a ChatRequest serves everybody for that long.
 */

import { orAborted, type Signal, sleep } from '../clock.ts'
import type { CallEnd } from '../domain/call-end.ts'
import type { Observe } from '../domain/event.ts'
import type { Lead, SharedCalls, Sharer } from '../queues/shared-calls.ts'

/** Where the end of a call came from. */
export type CallSource = 'service' | 'shared' | 'cache'

/** The end of a call for one of those who share it. */
export interface SharedCall {
  end: CallEnd
  source: CallSource
}

interface Meeting {
  /** Null if the leader gave up. */
  call: Promise<SharedCall | null>
  isFollowed: boolean
}

const LOOK_EVERY_MS = 50

export class CallSharing {
  readonly #calls: SharedCalls
  readonly #observe: Observe
  /** The calls that lookups of this process wait for, by the key at which they meet. */
  readonly #here = new Map<string, Meeting>()

  constructor(calls: SharedCalls, observe: Observe) {
    this.#calls = calls
    this.#observe = observe
  }

  /** Rejects with the signal's reason, or with what `call` rejects with. */
  async share(sharer: Sharer, signal: Signal, call: () => Promise<CallEnd>): Promise<SharedCall> {
    const key = this.#calls.meetingPlace(sharer)
    for (let known = this.#here.get(key); known; known = this.#here.get(key)) {
      known.isFollowed = true
      const shared = await orAborted(known.call, signal)
      if (shared) return this.#tell({ end: shared.end, source: shared.source === 'cache' ? 'cache' : 'shared' })
    }
    return this.#meetAs(key, (meeting) => this.#meet(sharer, signal, call, meeting))
  }

  async #meetAs(key: string, meet: (meeting: Meeting) => Promise<SharedCall>): Promise<SharedCall> {
    const meeting: Meeting = { call: Promise.resolve(null), isFollowed: false }
    const work = meet(meeting)
    meeting.call = work.catch(() => null)
    this.#here.set(key, meeting)
    try {
      return this.#tell(await work)
    } finally {
      this.#here.delete(key)
    }
  }

  /** Meets lookups of other processes. */
  async #meet(sharer: Sharer, signal: Signal, call: () => Promise<CallEnd>, meeting: Meeting): Promise<SharedCall> {
    for (let following = ''; ; ) {
      const place = await this.#calls.join(sharer, following)
      switch (place.is) {
        case 'leader':
          return { end: await this.#lead(place.lead, call, meeting), source: 'service' }
        case 'answered':
          return { end: JSON.parse(place.end) as CallEnd, source: place.source }
        case 'follower':
          following = place.leader
          await sleep(LOOK_EVERY_MS * (0.5 + Math.random()), signal)
      }
    }
  }

  async #lead(lead: Lead, call: () => Promise<CallEnd>, meeting: Meeting): Promise<CallEnd> {
    this.#calls.keepAlive(lead)
    let end: CallEnd | null = null
    try {
      end = await call()
      return end
    } finally {
      this.#calls.leave(lead, end && inText(end), meeting.isFollowed)
    }
  }

  #tell(call: SharedCall): SharedCall {
    if (call.source !== 'service') this.#observe({ type: 'call-shared', source: call.source })
    return call
  }
}

function inText(end: CallEnd) {
  const good = 'outcome' in end
  return { text: () => JSON.stringify(end), good, found: good && end.outcome.status === 'enriched' }
}
