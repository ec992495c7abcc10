/**
 * A dead letter that somebody put back by BullMQ's own means (`Job.retry`, `Queue.retryJobs`, a board's button). BullMQ then
 * takes the failedReason away, which the script that publishes a result has written with it, and which stays when a worker
 * dies or loses the lookup. So a dead letter that is taken up without a failedReason was retried, whoever has died. It
 * counts as redriven when it is taken up.
 */

import { now } from '../clock.ts'
import { ACTIVITY_LUA, byHandArgs, STEPS_LUA } from '../redis/activity.ts'
import type { Redis } from '../redis/connections.ts'
import {
  ALONE_FIELD,
  actionKey,
  activityKey,
  bullKey,
  END_FIELD,
  FAILED_AT_FIELD,
  HISTORY_FIELD,
  type QueueNames,
  REDRIVE_FIELD,
  REDRIVEN_AT_FIELD,
} from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { NOW_LUA } from '../redis/time.ts'
import { FIELDS, LOCK } from './bull-layout.ts'
import type { Markers } from './marker.ts'
import type { TakenLookup } from './taken-lookup.ts'

/** One entry of the activity counts those of so long: somebody may have retried 100,000. */
const ENTRY_OF_MS = 600_000
const BY_HAND = {
  who: 'unknown',
  action: 'redrive',
  arguments: { by: 'the retry of BullMQ itself, as a board has it' },
} as const

const OF_ITS_RUNS = [HISTORY_FIELD, FAILED_AT_FIELD, ALONE_FIELD, END_FIELD, FIELDS.attempts, FIELDS.stalls]

// Does nothing if another process has taken the job up since.
const ADOPT = new Script(`
local JOB, LOCK, ACTIVITY, STEPS = unpack(KEYS)
local byHand, token, id = { unpack(ARGV, 1, 4) }, ARGV[5], ARGV[6]
${NOW_LUA}
${ACTIVITY_LUA}
${STEPS_LUA}
if redis.call('GET', LOCK) ~= token or redis.call('HEXISTS', JOB, '${FIELDS.failedReason}') == 1 then return false end
expectActivity(ACTIVITY)
local at = math.floor(now())
local redrive = (tonumber(redis.call('HGET', JOB, '${REDRIVE_FIELD}') or '') or 0) + 1
redis.call('HSET', JOB, '${REDRIVE_FIELD}', string.format('%.0f', redrive), '${FIELDS.taken}', 1,
  '${REDRIVEN_AT_FIELD}', string.format('%.0f', at))
redis.call('HDEL', JOB, ${OF_ITS_RUNS.map((field) => `'${field}'`).join(', ')})
if redis.call('EXISTS', STEPS) == 0 then note(ACTIVITY, at, byHand, nil, id) end
countStep(STEPS, at, 1)
redis.call('HSET', STEPS, 'ended', 'done', 'endedAt', string.format('%.0f', at))
return { redrive, string.format('%.0f', at) }`)

export class Retried {
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #markers: Markers

  constructor(redis: Redis, names: QueueNames, markers: Markers) {
    this.#redis = redis
    this.#names = names
    this.#markers = markers
  }

  /** The lookup as it is to be run: as it was taken, or, if somebody has retried a dead letter, put back and clean. */
  async adopt(taken: TakenLookup, token: string): Promise<TakenLookup> {
    if (!(await this.#isRetried(taken))) return taken
    const job = bullKey(this.#names, taken.queue, taken.lookupId)
    const id = `ac-retried-${Math.floor(now() / ENTRY_OF_MS)}`
    const keys = [job, job + LOCK, activityKey(this.#names), actionKey(this.#names, id)]
    const adopted = await ADOPT.run(this.#redis, keys, [...byHandArgs(BY_HAND), token, id])
    if (adopted === null) return taken
    const [redrive, at] = adopted as [number, string]
    return { ...taken, redrive, askedAt: Number(at), askedDelayMs: 0, taken: 1, stalls: 0, retried: null }
  }

  /** A dead letter of an earlier version says nothing but that BullMQ has finished it once, as a completed one does, too. */
  async #isRetried(taken: TakenLookup): Promise<boolean> {
    if (taken.retried !== 'perhaps') return taken.retried === 'yes'
    return (await this.#markers.statusOf(taken)) === 'failed'
  }
}
