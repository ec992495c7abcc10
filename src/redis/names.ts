/**
 * Every queue name, Redis key and job-id rule, in one place.
 *
 * BullMQ owns `<prefix>:<queue>:*`. All other keys are ours, `<prefix>:chat-enricher:*`, with this Redis type:
 *
 *     marked:<queues>         hash    the markers' generations (queues/marker.ts): number of shards, and when all of it is gone
 *     marked:<queues>:<generation>:<shard>  hash  markers: these lookups have their result, with its status
 *     finished:<queues>:<lane>  hash  the generations of finished lookups (queues/finished-lookups.ts), and how many are in each
 *     finished:<queues>:<lane>:<generation>:<shard>  hash  finished lookups, by id
 *     done:<queues>:<hash>    string  a marker as earlier versions set it; done:<hash>: as still earlier ones did
 *     result:<queues>:<hash>  string  the result of a lookup with "deliver": "wait"; also a channel that tells the result of
 *                             any lookup to whoever waits for this one
 *     gate:<service>:rate              string  theoretical arrival time of the next call (GCRA), and when that was booked, ms
 *     gate:<service>:rate-interactive  string  the same of the interactive lane's own share
 *     gate:<service>:rate-missed       string  a turn that was missed was given back a moment ago: no other one yet
 *     gate:<service>:in-flight         zset    permits of batch lookups that are out, by the time their lease ends
 *     gate:<service>:in-flight-interactive  zset  the same of interactive ones
 *     gate:<service>:interactive-waits-for-place  string  an interactive lookup waits for a place among the calls in flight
 *     gate:<service>:batch-waits-for-place        string  a batch lookup does
 *     gate:<service>:batch-waits-for-turn         string  batch lookups wait for their turn
 *     gate:<service>:first-waits-for-turn         string  lookups wait for the turn of their first call
 *     gate:<service>:rate-retries      string  theoretical arrival time of the next retry while first calls wait
 *     gate:<service>:counted           hash    what some process limits, and all therefore count: quotaPeriodMs, places
 *     gate:<service>:quota             hash    calls of the longer limit, by slice of its period
 *     gate:<service>:limits            hash    limits that were set by hand, for every process
 *     fleet:<fleet>:hold               hash    the holds that are on, by reason; also a channel that tells of changes
 *     fleet:<fleet>:hold-past          zset    from when to when the last holds were
 *     fleet:<fleet>:memory             hash    how the service has answered lately, and for which connection ids
 *     fleet:<fleet>:answers            list    of what kind the last answers were
 *     fleet:<fleet>:accepted           set     response codes that an operator has accepted
 *     fleet:<fleet>:accepted-by        hash    by whom and when, by code
 *     call:<lane>:<hash>:<asker>       hash    somebody calls for this connection id at the moment
 *     answer:<hash>:<asker>            hash    what the service answered for it, for those who share the call
 *     services:<queues>                hash    hosts of the services that workers were set to, by <service>
 *     member:<queues>:<id>  string  one worker process, as it sees itself, renewed by it
 *     dead-letters:<queues> hash    how many dead letters there are, by failure, as they were counted last
 *     totals:<queues>       hash    how many lookups have ever been `cancelled`
 *     members:<queues>      zset    ids of the worker processes, by the time they were last seen
 *     lease:<queues>:<task> string  which process does a task of the whole fleet
 *     told:<queues>         hash    what people were told last (NOTIFY_URL), and when, by kind
 *     schema:<queues>       string  the number of the layout of all this (redis/schema.ts)
 *     activity:<queues>      stream  what was done by hand, an entry each
 *     action:<queues>:<id>   hash    what an action in steps has done so far
 *     doctor                 any     what `doctor` writes to see whether it may, gone in the same MULTI
 *     history:<queues>:<slice>  hash  what the fleet did in ten seconds, kept for an hour
 *     kinds:<queues>         hash    codes, faults and statuses that the service gave: first, last, how often
 *
 * On the hash of a lookup job stand fields of ours, which go when the job goes: `ce:history`, `ce:failed-at`, `ce:alone`;
 * of a dead letter `ce:end`; of one that was put back `ce:redrive` (how often) and `ce:redriven-at` (when, ms). On that of a
 * result stands `ce:of`: of which lookup, because an id may have been enqueued more than once.
 *
 * <service> stands for SOAP_ENDPOINT: all who call one service keep its limits together. <queues> stands for the three
 * queues: several fleets may live under one prefix, and none answers for another one's lookups. <fleet> stands for the
 * service and the queues: those who hold together. <asker> stands for the service, the credentials and the meaning of
 * response codes: only those who would have been answered the same share an answer.
 */

import { createHmac, hash, randomUUID } from 'node:crypto'
import type { Lane } from '../domain/lane.ts'

export interface QueueNames {
  prefix: string
  lookupQueue: string
  interactiveQueue: string
  resultQueue: string
}

export const HISTORY_FIELD = 'ce:history'
export const FAILED_AT_FIELD = 'ce:failed-at'
export const ALONE_FIELD = 'ce:alone'
/** How a dead letter ended. */
export const END_FIELD = 'ce:end'
/** How often it was put back after it had ended, and when last, ms. */
export const REDRIVE_FIELD = 'ce:redrive'
export const REDRIVEN_AT_FIELD = 'ce:redriven-at'

export function queueOf(names: QueueNames, lane: Lane): string {
  return lane === 'interactive' ? names.interactiveQueue : names.lookupQueue
}

export function laneOf(names: QueueNames, queue: string): Lane {
  return queue === names.interactiveQueue ? 'interactive' : 'batch'
}

/** A key of BullMQ: one of its lists and sets, or the hash of a job. */
export function bullKey(names: QueueNames, queue: string, part: string): string {
  return `${names.prefix}:${queue}:${part}`
}

/** The pattern of Redis that matches this text and nothing else. */
export function literally(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&')
}

/** A key of ours. */
export function ownKey(names: QueueNames, ...parts: string[]): string {
  let key = `${names.prefix}:chat-enricher`
  for (const part of parts) key += `:${part}`
  return key
}

/** A key of those who serve these queues, `kind` first. */
function queuesKey(names: QueueNames, kind: string, ...parts: string[]): string {
  return ownKey(names, kind, queuesHash(names), ...parts)
}

const QUEUES_HASHES = new WeakMap<QueueNames, string>()

/** Asked for with each lookup, so it is made once. */
function queuesHash(names: QueueNames): string {
  const known = QUEUES_HASHES.get(names)
  if (known !== undefined) return known
  const made = shortHash([names.lookupQueue, names.interactiveQueue, names.resultQueue].join('\n'))
  QUEUES_HASHES.set(names, made)
  return made
}

export interface GateKeys {
  rate: string
  rateInteractive: string
  rateMissed: string
  inFlight: string
  inFlightInteractive: string
  interactiveWaitsForPlace: string
  batchWaitsForPlace: string
  batchWaitsForTurn: string
  firstWaitsForTurn: string
  rateRetries: string
  counted: string
  quota: string
  limits: string
  hold: string
  pastHolds: string
  /** Why each of the past holds was. */
  whyHeld: string
  memory: string
  answers: string
  accepted: string
  acceptedBy: string
  /** Of all who serve these queues. */
  activity: string
}

/**
 * Stands for SOAP_ENDPOINT in keys: without user, password and query, and in small letters, because IIS does not tell
 * them from capitals.
 */
export function serviceOf(endpoint: string): string {
  const { origin, pathname } = new URL(endpoint)
  return shortHash(`${origin}${pathname}`.toLowerCase())
}

export function gateKeys(names: QueueNames, service: string): GateKeys {
  const fleet = shortHash([service, names.lookupQueue, names.interactiveQueue, names.resultQueue].join('\n'))
  const gate = (part: string) => ownKey(names, 'gate', service, part)
  const ofFleet = (part: string) => ownKey(names, 'fleet', fleet, part)
  return {
    rate: gate('rate'),
    rateInteractive: gate('rate-interactive'),
    rateMissed: gate('rate-missed'),
    inFlight: gate('in-flight'),
    inFlightInteractive: gate('in-flight-interactive'),
    interactiveWaitsForPlace: gate('interactive-waits-for-place'),
    batchWaitsForPlace: gate('batch-waits-for-place'),
    batchWaitsForTurn: gate('batch-waits-for-turn'),
    firstWaitsForTurn: gate('first-waits-for-turn'),
    rateRetries: gate('rate-retries'),
    counted: gate('counted'),
    quota: gate('quota'),
    limits: gate('limits'),
    hold: ofFleet('hold'),
    pastHolds: ofFleet('hold-past'),
    whyHeld: ofFleet('hold-why'),
    memory: ofFleet('memory'),
    answers: ofFleet('answers'),
    accepted: ofFleet('accepted'),
    acceptedBy: ofFleet('accepted-by'),
    activity: activityKey(names),
  }
}

/** Where lookups of one connection id meet to share a call, of those who would be answered the same. */
export function sharingKeys(names: QueueNames, lane: Lane, asker: string, connectionId: string) {
  const id = shortHash(connectionId, 32)
  return { call: ownKey(names, 'call', lane, id, asker), answer: ownKey(names, 'answer', id, asker) }
}

/** The pattern of what stands behind `ownKey(names, '')` in all those keys of one connection id, whoever asked. */
export function sharingPattern(connectionId: string): string {
  return `*:${shortHash(connectionId, 32)}:*`
}

export function servicesKey(names: QueueNames): string {
  return queuesKey(names, 'services')
}

export function membersKey(names: QueueNames): string {
  return queuesKey(names, 'members')
}

export function memberKey(names: QueueNames, id: string): string {
  return queuesKey(names, 'member', id)
}

export function leaseKey(names: QueueNames, task: string): string {
  return queuesKey(names, 'lease', task)
}

export function activityKey(names: QueueNames): string {
  return queuesKey(names, 'activity')
}

export function deadLettersKey(names: QueueNames): string {
  return queuesKey(names, 'dead-letters')
}

export function schemaKey(names: QueueNames): string {
  return queuesKey(names, 'schema')
}

export function toldKey(names: QueueNames): string {
  return queuesKey(names, 'told')
}

export function totalsKey(names: QueueNames): string {
  return queuesKey(names, 'totals')
}

export function actionKey(names: QueueNames, id: string): string {
  return queuesKey(names, 'action', id)
}

/** Where `doctor` tries what our user may do. */
export function doctorKey(names: QueueNames): string {
  return ownKey(names, 'doctor')
}

/** What the fleet did in these ten seconds: the number of the slice is the time over its length. */
export function historyKey(names: QueueNames, slice: number): string {
  return queuesKey(names, 'history', String(slice))
}

export function kindsKey(names: QueueNames): string {
  return queuesKey(names, 'kinds')
}

/** A short hash that stands for a text that must not be seen. */
export function shortHash(text: string, length = 12): string {
  return hash('sha256', text).slice(0, length)
}

/** Identifies a lookup: its marker and its result are kept under this. */
export interface LookupIdentity {
  readonly lookupId: string
  readonly queue: string
  readonly enqueuedAt: number
  /** How often it was put back after it had ended: each time it gets a result of its own. */
  readonly redrive: number
}

/**
 * BullMQ numbers jobs without an id, from 1 in each queue, and from 1 again after the queue was obliterated. So such a
 * number identifies a lookup only together with its queue and its time; any other id does so alone.
 */
export function isCounterId(lookupId: string): boolean {
  return /^\d+$/.test(lookupId)
}

const LOOKUP_HASHES = new WeakMap<LookupIdentity, string>()

/** Hashed, because the job ids of foreign producers may be customers' data; once for each lookup that is run. */
export function lookupHash(identity: LookupIdentity): string {
  const known = LOOKUP_HASHES.get(identity)
  if (known !== undefined) return known
  const { lookupId, redrive } = identity
  const first = isCounterId(lookupId) ? enqueuedHash({ ...identity, redrive: 0 }) : shortHash(lookupId, 32)
  const made = redrive === 0 ? first : shortHash(`${first}\n${redrive}`, 32)
  LOOKUP_HASHES.set(identity, made)
  return made
}

/** Also tells apart lookups with the same id: numbers, and an id that was enqueued again after its marker had expired. */
export function enqueuedHash({ lookupId, queue, enqueuedAt, redrive }: LookupIdentity): string {
  const parts = [lookupId, queue, String(enqueuedAt), ...(redrive > 0 ? [String(redrive)] : [])]
  return shortHash(parts.join('\n'), 32)
}

/** The markers of all lookups of these queues lie behind this. */
export function markersKey(names: QueueNames): string {
  return queuesKey(names, 'marked')
}

/** What is kept of finished lookups of this lane lies behind this. */
export function finishedKey(names: QueueNames, lane: Lane): string {
  return queuesKey(names, 'finished', lane)
}

/**
 * The keys that a marker had when each one was a key of its own. Such a marker may live for RESULT_MARKER_TTL_MS after the
 * upgrade, and its lookup has had its result.
 */
export function formerMarkerKeys(names: QueueNames, identity: LookupIdentity): [ofQueues: string, ofAll: string] {
  const hash = lookupHash(identity)
  return [queuesKey(names, 'done', hash), ownKey(names, 'done', hash)]
}

/** The channel on which the result is told; and the key under which it is kept if somebody waits for it. */
export function resultChannel(names: QueueNames, identity: LookupIdentity): string {
  return queuesKey(names, 'result', lookupHash(identity))
}

/** What the keys of all kept results begin with. */
export function keptResultsStart(names: QueueNames): string {
  return queuesKey(names, 'result', '')
}

/**
 * A lookup id of ours: from the idempotency key if there is one (the same key is the same lookup; of two producers it is
 * two), else random. A raw id from outside is never a job id: `active` or `meta` as one would write over the queue's own keys.
 */
export function lookupIdFor(idempotencyKey?: string, producer?: string): string {
  return `lk-${hexFor(idempotencyKey, producer)}`
}

function hexFor(key?: string, producer?: string): string {
  if (key === undefined) return randomUUID().replaceAll('-', '') // Node draws 128 at once; 16 bytes by themselves cost 4 µs
  // Under the producer's name as the key of an HMAC: no idempotency key without a producer can be taken for one with it.
  return producer === undefined
    ? shortHash(key, 32)
    : createHmac('sha256', producer).update(key).digest('hex').slice(0, 32)
}

export function resultId({ lookupId, redrive }: Pick<LookupIdentity, 'lookupId' | 'redrive'>): string {
  return redrive === 0 ? `rs-${lookupId}` : `rs-${lookupId}-${redrive}`
}

/** The result's id while a result of another lookup with the same id still lies in the queue. */
export function resultIdOfItsOwn(identity: LookupIdentity): string {
  return `${resultId(identity)}-${enqueuedHash(identity)}`
}
