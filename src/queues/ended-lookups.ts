/**
 * What is done by hand to lookups that have ended: put back (redriven), or dropped. Each in one script, which Redis runs as
 * a whole: whoever acts may die between any two lookups, and two may act at once; a lookup is put back once.
 *
 * One that is put back starts clean. It keeps its id, its data and its priority, and its next result has an id of its own.
 */

import type { Queue } from 'bullmq'
import { STEPS_LUA } from '../redis/activity.ts'
import type { Redis } from '../redis/connections.ts'
import { EachScript, type ScriptInput } from '../redis/each-script.ts'
import {
  ALONE_FIELD,
  END_FIELD,
  FAILED_AT_FIELD,
  finishedKey,
  HISTORY_FIELD,
  laneOf,
  type QueueNames,
  REDRIVE_FIELD,
  REDRIVEN_AT_FIELD,
} from '../redis/names.ts'
import { quoted } from '../redis/script.ts'
import { NOW_LUA } from '../redis/time.ts'
import { FIELDS, keysOf, OF_A_JOB } from './bull-layout.ts'
import { bullReprocess, REPROCESS_KEYS, REPROCESS_KINDS } from './bull-reprocess.ts'
import { finishedMark, RECORD_LUA, RESTORE_LUA } from './finished-lookups.ts'
import { GENERATIONS_LUA } from './generations.ts'
import { openQueue } from './lookup-queue.ts'

/**
 * What became of one: `done`. `again`: it was put back since this action began, and has ended again. `early`: BullMQ failed
 * it a moment ago, and its result is still to be published. `elsewhere`: it has not ended, or not in a way that is meant.
 * `gone`: there is no such lookup.
 */
export type Acted = 'done' | 'again' | 'early' | 'elsewhere' | 'gone'

/** How long upkeep may need, at most, to publish the result of a lookup that BullMQ failed. */
const EARLY_MS = 300_000
/** What is removed of a lookup that is put back, so that it starts clean. */
const OF_ITS_RUNS = [
  HISTORY_FIELD,
  FAILED_AT_FIELD,
  ALONE_FIELD,
  END_FIELD,
  FIELDS.failedReason,
  FIELDS.returned,
  FIELDS.stacktrace,
  FIELDS.attempts,
  FIELDS.taken,
  FIELDS.stalls,
] as const

const LUA = `
${NOW_LUA}
${STEPS_LUA}
local AT = math.floor(now())

-- A script that fails half way leaves what it has written, so it looks first.
local function expectKinds(keys, kinds)
  for i, key in ipairs(keys) do
    local kind = redis.call('TYPE', key).ok
    if kind ~= 'none' and kind ~= kinds[i] then error('a key of BullMQ: expected a ' .. kinds[i] .. ', got a ' .. kind) end
  end
end

local function hadResult(ended, failedReason, finishedOn)
  if ended or string.match(failedReason or '', '%(calls: %d+, attempts: %d+%)$') then return true end
  return AT - (tonumber(finishedOn or '') or 0) > ${EARLY_MS}
end
`

/** It has a score there. */
const LIES_IN = `
local function liesIn(set, id) return redis.call('ZSCORE', set, id) ~= false end
`

// KEYS: failed, completed, those of BullMQ's own way that are the queue's, the action's steps; of each its job.
// ARGV: since when the action runs (Redis' ms); of each: id, its mark among the finished ones, and whether it may be one that
// did not fail. The last of the KEYS of all are the finished lookups.
const redriveScript = (reprocess: string) => `
${reprocess}
${LUA}
${LIES_IN}
${GENERATIONS_LUA}
${RECORD_LUA}
${RESTORE_LUA}
local FAILED, COMPLETED, EVENTS, WAIT, META, ACTIVE, MARKER, PRIORITIZED, PC, STEPS = unpack(KEYS)
local FINISHED = generationsIn(KEYS[11])
local SINCE = tonumber(ARGV[1])
expectKinds({ unpack(KEYS, 1, ${2 + REPROCESS_KEYS.length}) }, { ${quoted(['zset', 'zset', ...REPROCESS_KINDS])} })

local function pushOf(options)
  local isJson, opts = pcall(cjson.decode, options or '')
  return isJson and type(opts) == 'table' and opts.lifo == true and 'RPUSH' or 'LPUSH'
end

-- It becomes a completed job again, if it is one of those that are meant.
local function whatWasFinished(JOB, id, mark, mayBeFinished)
  local record = recordOf(FINISHED, mark)
  if not record then return 'gone' end
  if mayBeFinished ~= '1' then return 'elsewhere' end
  if (tonumber(record[${quoted([REDRIVEN_AT_FIELD])}] or '') or 0) >= SINCE then return 'again' end
  restore(FINISHED, mark, record, JOB, COMPLETED, id)
end

local function one(JOB, id, mark, mayBeFinished)
  local problem = redis.call('EXISTS', JOB) == 0 and whatWasFinished(JOB, id, mark, mayBeFinished)
  if problem then return problem end
  local kind = redis.call('TYPE', JOB).ok
  local hasFailed = liesIn(FAILED, id)
  local isMeant = hasFailed or mayBeFinished == '1' and liesIn(COMPLETED, id)
  if kind ~= 'hash' or not isMeant then return 'elsewhere' end
  local job = redis.call('HMGET', JOB, ${quoted([END_FIELD, FIELDS.failedReason, FIELDS.finishedOn])},
    ${quoted([REDRIVE_FIELD, REDRIVEN_AT_FIELD, FIELDS.options])})
  if (tonumber(job[5] or '') or 0) >= SINCE then return 'again' end
  if hasFailed and not hadResult(job[1], job[2], job[3]) then return 'early' end
  -- First, because it is what a Redis that is full refuses.
  redis.call('HSET', JOB, ${quoted([REDRIVE_FIELD])}, string.format('%.0f', (tonumber(job[4] or '') or 0) + 1),
    ${quoted([REDRIVEN_AT_FIELD])}, string.format('%.0f', AT))
  redis.call('HDEL', JOB, ${quoted(OF_ITS_RUNS)})
  local state, field = hasFailed and 'failed' or 'completed', hasFailed and ${quoted([FIELDS.failedReason])} or ${quoted([FIELDS.returned])}
  reprocess({ JOB, EVENTS, hasFailed and FAILED or COMPLETED, WAIT, META, ACTIVE, MARKER, PRIORITIZED, PC },
    { id, pushOf(job[6]), field, state, '1', '1' })
  countStep(STEPS, AT, 1)
  return 'done'
end`

// KEYS: failed, events, the action's steps, the finished lookups; of each all keys of its job. ARGV: of each its id, and its mark
// among the finished ones.
const DROP = new EachScript(
  `
${LUA}
${LIES_IN}
${GENERATIONS_LUA}
${RECORD_LUA}
local FAILED, EVENTS, STEPS = unpack(KEYS)
local FINISHED = generationsIn(KEYS[4])
expectKinds({ FAILED, EVENTS }, { 'zset', 'stream' })

local function one(...)
  local all = { ... }
  local JOB, id, mark = all[1], all[#all - 1], all[#all]
  local kind = redis.call('TYPE', JOB).ok
  if kind == 'none' then return recordOf(FINISHED, mark) and 'elsewhere' or 'gone' end
  if kind ~= 'hash' or not liesIn(FAILED, id) then return 'elsewhere' end
  if not hadResult(unpack(redis.call('HMGET', JOB, ${quoted([END_FIELD, FIELDS.failedReason, FIELDS.finishedOn])}))) then return 'early' end
  countStep(STEPS, AT, 1)
  redis.call('ZREM', FAILED, id)
  redis.call('DEL', unpack(all, 1, #all - 2))
  redis.call('XADD', EVENTS, 'MAXLEN', '~', 10000, '*', 'event', 'removed', 'jobId', id, 'prev', 'failed')
  return 'done'
end`,
  { first: { keys: 4, args: 0 }, each: { keys: 1 + OF_A_JOB.length, args: 2 } },
)

/** An action by hand that has begun: where its steps are counted, and when that was, Redis' ms. */
export interface Steps {
  stepsKey: string
  since: number
}

export class EndedLookups {
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #scripts = new Map<string, Promise<EachScript>>()

  constructor(redis: Redis, names: QueueNames) {
    this.#redis = redis
    this.#names = names
  }

  /** What became of each, in order. `mayBeFinished`: also one that did not fail. Rejects when Redis fails; it is safe to run again. */
  async redrive(queue: string, ids: readonly string[], steps: Steps, mayBeFinished: boolean): Promise<Acted[]> {
    const key = keysOf(this.#names, queue)
    const keys = [...['failed', 'completed', ...REPROCESS_KEYS].map(key), steps.stepsKey, this.#finished(queue)]
    const each = ids.map((id) => ({ keys: [key(id)], args: [id, finishedMark(id), mayBeFinished ? 1 : 0] }))
    const script = await this.#scriptOf(queue)
    return this.#run(script, { keys, args: [Math.floor(steps.since)] }, each)
  }

  /** Ends dead letters for good. Their results stay where they are. */
  async drop(queue: string, ids: readonly string[], { stepsKey }: Steps): Promise<Acted[]> {
    const key = keysOf(this.#names, queue)
    const each = ids.map((id) => ({
      keys: ['', ...OF_A_JOB].map((part) => key(id + part)),
      args: [id, finishedMark(id)],
    }))
    const keys = [key('failed'), key('events'), stepsKey, this.#finished(queue)]
    return this.#run(DROP, { keys, args: [] }, each)
  }

  #finished(queue: string): string {
    return finishedKey(this.#names, laneOf(this.#names, queue))
  }

  async #run(script: EachScript, first: ScriptInput, each: ScriptInput[]): Promise<Acted[]> {
    const answers = await script.run<Acted>(this.#redis, first, each)
    const failed = answers.find((answer) => answer instanceof Error)
    if (failed) throw failed
    return answers as Acted[]
  }

  #scriptOf(queue: string): Promise<EachScript> {
    const known = this.#scripts.get(queue)
    if (known) return known
    const made = this.#made(openQueue(queue, this.#redis, this.#names))
    made.catch(() => this.#scripts.delete(queue))
    this.#scripts.set(queue, made)
    return made
  }

  async #made(queue: Queue): Promise<EachScript> {
    const lua = redriveScript(await bullReprocess(queue, this.#redis, this.#names))
    const first = { keys: 2 + REPROCESS_KEYS.length + 2, args: 1 }
    return new EachScript(lua, { first, each: { keys: 1, args: 3 } })
  }
}
