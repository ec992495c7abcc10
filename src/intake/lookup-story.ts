/** The story of one lookup, as far as Redis still knows it: where it is, what happened to it, how it ended. */

import { fromIso, iso, now } from '../clock.ts'
import type { Failure } from '../domain/failure.ts'
import { type LookupHistory, readHistory } from '../domain/history.ts'
import { LANES, type Lane } from '../domain/lane.ts'
import { type Delivery, echo } from '../domain/lookup.ts'
import type { LookupPlace } from '../domain/lookup-place.ts'
import type { Result, ResultStatus } from '../domain/result.ts'
import type { Timing } from '../domain/timing.ts'
import { dueAt, FIELDS } from '../queues/bull-layout.ts'
import { readFinished } from '../queues/finished-lookups.ts'
import { ENDED_FIELDS, type KeptEnd, keptTiming, readEnd } from '../queues/kept-end.ts'
import { readMarkers } from '../queues/marker.ts'
import { lookAt } from '../queues/result-look.ts'
import { deliveryOf, redrivenFrom } from '../queues/taken-lookup.ts'
import type { Redis } from '../redis/connections.ts'
import {
  bullKey,
  HISTORY_FIELD,
  type LookupIdentity,
  type QueueNames,
  queueOf,
  REDRIVE_FIELD,
  resultChannel,
  resultId,
} from '../redis/names.ts'

export interface LookupStory {
  lookupId: string
  queue: string
  lane: Lane
  /** As its job says, or its result; null: neither is there, or says. */
  connectionId: string | null
  correlationId: string | null
  producer: string | null
  state: LookupPlace
  enqueuedAt: string | null
  /** When a delayed one is due. */
  dueAt: string | null
  /** How often it was put back after it had ended. What else is said is about the time since the last one. */
  redrive: number
  /** How often the lookup was taken up, and how often its worker died. */
  taken: number
  stalls: number
  history: Pick<LookupHistory, 'charged' | 'failures' | 'calls' | 'rechecks'> | null
  lastFailure: ({ code: string; message: string } & SaidByService) | null
  /** Where its time went, up to when it went back or ended; null: it did neither, or nobody knows any more. */
  timing: Timing | null
  /** The status of its result; null: it has none yet, or it is forgotten. */
  result: ResultStatus | null
  /** The result still lies in the result queue. */
  resultIsThere: boolean
  /** Where the result goes: to the result queue, or to whoever waits; null: its job is gone. */
  deliver: Delivery | null
  /** Until when the result of a lookup that somebody waits for is kept; null: it is not. */
  keptUntil: string | null
  /** How it ended, as long as its job or its result is kept; null: it has not, or nobody knows any more. */
  end: LookupEndStory | null
}

/** What the service answered with it; null: nothing of that kind. */
export interface SaidByService {
  fault: string | null
  httpStatus: number | null
  /** Null also where it was 0. */
  responseCode: number | null
}

export interface LookupEndStory extends SaidByService {
  finishedAt: string | null
  status: ResultStatus
  code: string | null
  message: string | null
  /** Null: not known any more. */
  calls: number | null
  attempts: number | null
}

/** Looks in both lookup queues; null if neither knows the lookup. */
export async function readStory(redis: Redis, names: QueueNames, lookupId: string): Promise<LookupStory | null> {
  const stories = await Promise.all(LANES.map((lane) => readFrom(redis, names, lane, lookupId)))
  const known = stories.filter((story) => story !== null)
  // Its marker does not say on which queue it was; its job does.
  return known.find(({ state }) => state !== 'gone') ?? known[0] ?? null
}

/** A lookup ends while it is looked at: its job has been read, and then lies nowhere any more. Looked at again, it has ended. */
async function readFrom(redis: Redis, names: QueueNames, lane: Lane, lookupId: string): Promise<LookupStory | null> {
  const story = await lookIn(redis, names, lane, lookupId)
  const hasLeft = story?.state === 'gone' && story.enqueuedAt !== null
  return hasLeft ? lookIn(redis, names, lane, lookupId) : story
}

async function lookIn(redis: Redis, names: QueueNames, lane: Lane, lookupId: string): Promise<LookupStory | null> {
  const queue = queueOf(names, lane)
  const job = await readJob(redis, names, queue, lookupId)
  const { enqueuedAt, redrive, taken, stalls, history } = job
  const identity = { lookupId, queue, enqueuedAt, redrive }
  const [[result = null], resultData, kept, place] = await Promise.all([
    readMarkers(redis, names, [identity]),
    redis.hget(bullKey(names, names.resultQueue, resultId(identity)), FIELDS.data),
    readKept(redis, names, identity),
    job.isFinished ? FINISHED : placeOf(redis, (part) => bullKey(names, queue, part), lookupId),
  ])
  if (!job.isThere && !result) return null
  return {
    lookupId,
    queue,
    lane,
    ...saidBy(job.data, parsed(kept.result ?? resultData)),
    state: place.state,
    enqueuedAt: enqueuedAt > 0 ? iso(enqueuedAt) : null,
    dueAt: place.dueAt === null ? null : iso(place.dueAt),
    redrive,
    taken,
    stalls,
    ...behind(history),
    timing: timingOf(kept.result ?? resultData, job.kept, history),
    result,
    resultIsThere: resultData !== null,
    deliver: job.deliver,
    keptUntil: kept.until,
    end: endOf(job.finishedOn, kept.result ?? resultData, job.kept),
  }
}

/** Its result, as long as that is kept for whoever waits or lies in the result queue; null: it is not there. */
export async function readResult(
  redis: Redis,
  names: QueueNames,
  { lookupId, queue, redrive, enqueuedAt }: LookupStory,
): Promise<Result | null> {
  const identity = { lookupId, queue, redrive, enqueuedAt: enqueuedAt === null ? 0 : fromIso(enqueuedAt) }
  const [look] = await lookAt(redis, names, [identity])
  return look?.result ?? null
}

async function readKept(redis: Redis, names: QueueNames, identity: LookupIdentity) {
  const key = resultChannel(names, identity)
  const [result, leftMs] = await Promise.all([redis.get(key), redis.pttl(key)])
  return { result, until: leftMs > 0 ? iso(now() + leftMs) : null }
}

const JOB_FIELDS = [
  FIELDS.timestamp,
  FIELDS.taken,
  FIELDS.stalls,
  FIELDS.finishedOn,
  REDRIVE_FIELD,
  HISTORY_FIELD,
  FIELDS.data,
  ...ENDED_FIELDS,
] as const

async function readJob(redis: Redis, names: QueueNames, queue: string, lookupId: string) {
  const { values, isFinished } = await readFields(redis, names, queue, lookupId)
  const [timestamp, taken, stalls, finishedOn = null, redrive, history, data, ...ended] = values
  return {
    isThere: Boolean(timestamp),
    isFinished,
    data: parsed(data ?? null),
    deliver: data ? deliveryOf({ data: parsed(data) }) : null,
    enqueuedAt: Number(timestamp ?? 0),
    redrive: redrivenFrom({ [REDRIVE_FIELD]: redrive }).redrive,
    taken: Number(taken ?? 0),
    stalls: Number(stalls ?? 0),
    finishedOn,
    kept: readEnd(ended),
    history: history ? readHistory(history) : null,
  }
}

type Fields = { values: (string | null)[]; isFinished: boolean }

/** Of its job, or of what is kept since that has left. */
async function readFields(redis: Redis, names: QueueNames, queue: string, lookupId: string): Promise<Fields> {
  const ofJob = async () => ({
    values: await redis.hmget(bullKey(names, queue, lookupId), ...JOB_FIELDS),
    isFinished: false,
  })
  const job = await ofJob()
  if (job.values.some((value) => value !== null)) return job
  const record = (await readFinished(redis, names, queue, [lookupId])).get(lookupId)
  // It may have been put back in between.
  return record ? { values: JOB_FIELDS.map((field) => record[field] ?? null), isFinished: true } : ofJob()
}

type Said = Pick<LookupStory, 'connectionId' | 'correlationId' | 'producer'>

function saidBy(job: unknown, result: unknown): Said {
  const sources = [job, result].map((source) => Object(source) as Record<string, unknown>)
  const said = (name: keyof Said) => echo(sources.map((source) => source[name]).find((value) => value != null))
  return { connectionId: said('connectionId'), correlationId: said('correlationId'), producer: said('producer') }
}

function behind(known: LookupHistory | null): Pick<LookupStory, 'history' | 'lastFailure'> {
  if (!known) return { history: null, lastFailure: null }
  const { charged, failures, calls, rechecks, lastFailure } = known
  return { history: { charged, failures, calls, rechecks }, lastFailure: lastFailure && told(lastFailure) }
}

function told(failure: Failure): LookupStory['lastFailure'] {
  const { code, message, soapFaultCode: fault = null, httpStatus = null, responseCode } = failure
  return { code, message, fault, httpStatus, responseCode: responseCode || null }
}

/** The history of a lookup that has ended tells of its time up to the last attempt alone. */
function timingOf(resultData: string | null, kept: KeptEnd | null, history: LookupHistory | null): Timing | null {
  const timing = (parsed(resultData) as Result | null)?.timing ?? keptTiming(kept) ?? history?.timing
  return timing && Object.values(timing).some((ms) => ms > 0) ? timing : null
}

/** The result says most, while it is there; then what the job keeps. */
function endOf(finishedOn: string | null, resultData: string | null, kept: KeptEnd | null): LookupEndStory | null {
  const result = parsed(resultData) as Result | null
  const status = result?.status ?? kept?.status
  if (!status) return null
  return {
    finishedAt: result?.finishedAt ?? (finishedOn ? iso(Number(finishedOn)) : null),
    status,
    code: result?.failure?.code ?? kept?.code ?? null,
    message: result?.failure?.message ?? kept?.message ?? null,
    fault: result?.failure?.soapFaultCode ?? kept?.fault ?? null,
    httpStatus: result?.failure?.httpStatus ?? kept?.httpStatus ?? null,
    responseCode: (result?.response?.code ?? kept?.responseCode) || null,
    calls: result?.calls ?? kept?.calls ?? null,
    attempts: result?.attempts ?? kept?.attempts ?? null,
  }
}

function parsed(data: string | null): unknown {
  try {
    return JSON.parse(data ?? 'null')
  } catch {
    return null
  }
}

const FINISHED = { state: 'completed' as const, dueAt: null }

async function placeOf(redis: Redis, key: (part: string) => string, id: string) {
  const [delayed, prioritized, completed, failed, active] = await Promise.all([
    redis.zscore(key('delayed'), id),
    redis.zscore(key('prioritized'), id),
    redis.zscore(key('completed'), id),
    redis.zscore(key('failed'), id),
    redis.lpos(key('active'), id),
  ])
  const states = { prioritized, completed, failed, active }
  const state = (Object.keys(states) as (keyof typeof states)[]).find((name) => states[name] !== null)
  if (delayed !== null) return { state: 'delayed' as const, dueAt: dueAt(Number(delayed)) }
  if (state) return { state, dueAt: null }
  // Its hash tells, because the list of waiting lookups may be a million long.
  return { state: (await redis.exists(key(id))) === 1 ? ('waiting' as const) : ('gone' as const), dueAt: null }
}
