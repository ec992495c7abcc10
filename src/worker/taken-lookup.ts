/** What a run of a lookup starts from, and what it comes to. */

import { now } from '../clock.ts'
import type { Failure } from '../domain/failure.ts'
import type { LookupHistory } from '../domain/history.ts'
import type { Lane } from '../domain/lane.ts'
import type { Result, ResultStatus } from '../domain/result.ts'
import type { LookupIdentity } from '../queues/names.ts'

/** A lookup job as it was taken from the queue; nothing of it has been checked. */
export interface TakenLookup extends LookupIdentity {
  lane: Lane
  name: string
  data: unknown
  /** The delay that its producer asked for. */
  askedDelayMs: number
  /** Times it was taken up, this one included. */
  taken: number
  /** Times its process died, or lost it. */
  stalls: number
}

export type RunEnd =
  | { type: 'has-result'; status: ResultStatus }
  | { type: 'result'; result: Result; failure?: Failure }
  /** Back to its place, at no cost. */
  | { type: 'held'; history: LookupHistory }
  | { type: 'go-back'; delayMs: number; history: LookupHistory; mayBeCharged: boolean }

/** Milliseconds since it was enqueued; 0 for one that cannot say when that was. */
export function ageOf({ enqueuedAt }: LookupIdentity): number {
  return enqueuedAt === 0 ? 0 : Math.max(0, now() - enqueuedAt)
}
