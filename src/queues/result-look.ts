/** One look at lookups from outside: the result of each, wherever it lies, or what else tells how the lookup ended. */

import type { Result, ResultStatus } from '../domain/result.ts'
import type { Redis } from '../redis/connections.ts'
import { EachScript } from '../redis/each-script.ts'
import {
  bullKey,
  formerMarkerKeys,
  type LookupIdentity,
  markersKey,
  type QueueNames,
  resultChannel,
  resultId,
} from '../redis/names.ts'
import { FIELDS } from './bull-layout.ts'
import { readFinished } from './finished-lookups.ts'
import { ENDED_FIELDS, readEnd } from './kept-end.ts'
import { MARKED_LUA, markOf, statusIn } from './marker.ts'

export interface ResultLook {
  /** Null if it has none yet, or if it was consumed, or is not kept any more. */
  result: Result | null
  /** Of the result that it has had; null: it has none yet, or that is forgotten. */
  status: ResultStatus | null
  /** Its job is there. */
  isThere: boolean
  /** When its job ended, ms since 1970, and how, as far as the job says. */
  finishedOn: number | null
  ended: ResultStatus | null
}

const JOB_FIELDS = [FIELDS.timestamp, FIELDS.finishedOn, ...ENDED_FIELDS]

// In one step, because a lookup without a marker and without a job would else be one that ended between two reads.
const LOOK = new EachScript(
  `
local MARKERS = KEYS[1]
${MARKED_LUA}
local function one(FORMER_MARKER, MARKER_BEFORE, KEPT, JOB, RESULT_JOB, mark)
  local status = markedAs(mark, FORMER_MARKER, MARKER_BEFORE)
  local result = redis.call('GET', KEPT) or status and redis.call('HGET', RESULT_JOB, '${FIELDS.data}')
  if result or status then return { result, status } end
  return { false, false, unpack(redis.call('HMGET', JOB, ${JOB_FIELDS.map((field) => `'${field}'`).join(', ')})) }
end`,
  { first: { keys: 1, args: 0 }, each: { keys: 5, args: 1 } },
)

type Reply = (string | null | undefined)[]

/** How many are looked at in one step of Redis. */
const AT_ONCE = 100

/** In the order of the lookups. */
export async function lookAt(redis: Redis, names: QueueNames, lookups: LookupIdentity[]): Promise<ResultLook[]> {
  const looks: ResultLook[] = []
  for (let start = 0; start < lookups.length; start += AT_ONCE) {
    const part = lookups
      .slice(start, start + AT_ONCE)
      .map((lookup) => ({ keys: keysOf(names, lookup), args: [markOf(lookup)] }))
    const replies = await LOOK.run<Reply>(redis, { keys: [markersKey(names)], args: [] }, part)
    looks.push(...replies.map((reply) => (reply instanceof Error ? NOT_KNOWN : lookOf(reply))))
  }
  return withFinished(redis, names, lookups, looks)
}

/** If the marker of a finished one was lost, what is kept of the lookup still says that it has had its result. */
async function withFinished(redis: Redis, names: QueueNames, lookups: LookupIdentity[], looks: ResultLook[]) {
  const isMissing = ({ status, isThere }: ResultLook) => status === null && !isThere
  const missing = lookups.filter((_, index) => isMissing(looks[index] ?? NOT_KNOWN))
  const statuses = new Map<string, ResultStatus | null>()
  for (const queue of new Set(missing.map((lookup) => lookup.queue))) {
    const ids = missing.filter((lookup) => lookup.queue === queue).map(({ lookupId }) => lookupId)
    for (const [id, record] of await readFinished(redis, names, queue, ids))
      statuses.set(`${queue} ${id}`, readEnd(ENDED_FIELDS.map((field) => record[field]))?.status ?? null)
  }
  return looks.map((look, index) => {
    const { queue, lookupId } = lookups[index] as LookupIdentity
    return isMissing(look) ? { ...look, status: statuses.get(`${queue} ${lookupId}`) ?? null } : look
  })
}

function keysOf(names: QueueNames, lookup: LookupIdentity): string[] {
  const resultJob = bullKey(names, names.resultQueue, resultId(lookup))
  const job = bullKey(names, lookup.queue, lookup.lookupId)
  return [...formerMarkerKeys(names, lookup), resultChannel(names, lookup), job, resultJob]
}

/** Somebody has written something else under one of its keys. */
const NOT_KNOWN: ResultLook = { result: null, status: null, isThere: true, finishedOn: null, ended: null }

function lookOf([text, status, timestamp, finishedOn, ...ended]: Reply): ResultLook {
  const result = text ? (JSON.parse(text) as Result) : null
  return {
    result,
    status: statusIn(status) ?? result?.status ?? null,
    isThere: typeof timestamp === 'string',
    finishedOn: finishedOn ? Number(finishedOn) : null,
    ended: readEnd(ended)?.status ?? null,
  }
}
