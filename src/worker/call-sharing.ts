/**
 * Lookups of one connection id share a call. The first to come makes it; those that come while it is on its way wait for
 * its end, in this process by a promise, in others through Redis:
 *
 *     answered, or failed      the same for all who wait
 *     given up by its maker    (stopped, died, held): the next one makes it, and nobody is charged
 *
 * An answer also serves a lookup that was enqueued before the call began and is taken up a moment after it ended, because
 * its own answer would be no newer. With CACHE_TTL_MS a ChatRequest serves everybody for that long. The question that finds
 * out also asks whether the lookup has had its result.
 */

import { orAborted, type Signal, sleep } from '../clock.ts'
import { BriefMap } from '../domain/brief-map.ts'
import type { CallEnd } from '../domain/call-end.ts'
import type { Observe } from '../domain/event.ts'
import type { Lead, SharedCalls, Sharer } from '../queues/shared-calls.ts'
import { HasResult } from './attempt.ts'

/** Where the end of a call came from. */
export type CallSource = 'service' | 'shared' | 'cache'

/** The end of a call for one of those who share it. */
export interface SharedCall {
  end: CallEnd
  source: CallSource
  /** How long it was on the wire, whoever made it. */
  wireMs: number
}

/** One lookup's attempt, which makes the call if nobody else does. */
export interface Caller {
  readonly signal: Signal
  /** Of its last call. */
  readonly wireMs: number
}

interface Meeting {
  /** Rejects if the leader gave up. */
  call: Promise<SharedCall>
  isFollowed: boolean
}

const LOOK_EVERY_MS = 50
const NOTHING_YET = new Promise<never>(() => {})
const nobody = () => null

export class CallSharing {
  readonly #calls: SharedCalls
  readonly #observe: Observe
  /** The calls that lookups of this process wait for, by the key at which they meet. */
  readonly #here = new BriefMap<string, Meeting>()

  constructor(calls: SharedCalls, observe: Observe) {
    this.#calls = calls
    this.#observe = observe
  }

  /** Rejects with the signal's reason, with HasResult, or with what `call` rejects with. */
  share(sharer: Sharer, caller: Caller, call: () => Promise<CallEnd>): Promise<SharedCall> {
    const key = this.#calls.meetingPlace(sharer)
    const known = this.#here.get(key)
    return known ? this.#follow(known, key, sharer, caller, call) : this.#begin(key, sharer, caller, call)
  }

  /** Somebody in this process is calling, or waits for who is. If nothing comes of it, the next one begins. */
  async #follow(
    known: Meeting,
    key: string,
    sharer: Sharer,
    caller: Caller,
    call: () => Promise<CallEnd>,
  ): Promise<SharedCall> {
    for (let at: Meeting | undefined = known; at; at = this.#here.get(key)) {
      at.isFollowed = true
      const shared = await orAborted(at.call.catch(nobody), caller.signal)
      if (!shared) continue
      const { end, wireMs } = shared
      return this.#tell({ end, source: shared.source === 'cache' ? 'cache' : 'shared', wireMs })
    }
    return this.#begin(key, sharer, caller, call)
  }

  #begin(key: string, sharer: Sharer, caller: Caller, call: () => Promise<CallEnd>): Promise<SharedCall> {
    const meeting: Meeting = { call: NOTHING_YET, isFollowed: false }
    this.#here.set(key, meeting)
    meeting.call = this.#meet(key, sharer, caller, call, meeting)
    return meeting.call
  }

  /** Meets lookups of other processes. */
  async #meet(
    key: string,
    sharer: Sharer,
    caller: Caller,
    call: () => Promise<CallEnd>,
    meeting: Meeting,
  ): Promise<SharedCall> {
    try {
      for (let following = ''; ; ) {
        const place = await this.#calls.join(sharer, following)
        switch (place.is) {
          case 'has-result':
            throw new HasResult(place.status)
          case 'leader':
            return {
              end: await this.#lead(place.lead, caller, call, meeting),
              source: 'service',
              wireMs: caller.wireMs,
            }
          case 'answered': {
            const { wireMs = 0, ...end } = JSON.parse(place.end) as CallEnd & { wireMs?: number }
            return this.#tell({ end, source: place.source, wireMs })
          }
          case 'follower':
            following = place.leader
            await sleep(LOOK_EVERY_MS * (0.5 + Math.random()), caller.signal)
        }
      }
    } finally {
      this.#here.delete(key)
    }
  }

  async #lead(lead: Lead, caller: Caller, call: () => Promise<CallEnd>, meeting: Meeting): Promise<CallEnd> {
    this.#calls.keepAlive(lead)
    let end: CallEnd | null = null
    try {
      end = await call()
      return end
    } finally {
      this.#calls.leave(lead, end && inText(end, caller.wireMs), meeting.isFollowed)
    }
  }

  #tell(call: SharedCall): SharedCall {
    if (call.source !== 'service') this.#observe({ type: 'call-shared', source: call.source })
    return call
  }
}

function inText(end: CallEnd, wireMs: number) {
  const good = 'outcome' in end
  return {
    text: () => JSON.stringify({ ...end, wireMs: Math.round(wireMs) }),
    good,
    found: good && end.outcome.status === 'enriched',
  }
}
