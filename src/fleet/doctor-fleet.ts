/** What `doctor` sees of the fleet on these queues. */

import { keysOf, QUEUE_KEYS, VERSION_FIELD } from '../queues/bull-layout.ts'
import type { Redis } from '../redis/connections.ts'
import { type QueueNames, serviceOf } from '../redis/names.ts'
import { type Finding, fail, orPass, pass, warn } from './finding.ts'
import { differingSettings, type SeenMember } from './members.ts'
import type { FleetStatus, GateStatus } from './status.ts'

const DAY_MS = 86_400_000
/** A consumer that is being deployed is back by then. */
const UNCONSUMED_MS = 5 * 60_000

/** What our own settings say. */
export interface OwnSettings {
  endpoint: string
  /** The response codes that stand in one of the lists. */
  listedCodes: ReadonlySet<number>
}

export function checkFleet(status: FleetStatus, names: QueueNames, own: OwnSettings): Finding[] {
  return [
    ...servicesOf(status, own.endpoint),
    ...otherQueuesOf(status),
    ...limitedQueuesOf(status),
    ...differencesOf(status.members ?? []),
    ...unconsumedOf(status, names),
    ...(status.serviceProblem === null ? gateOf(status, own) : []),
  ]
}

function servicesOf({ members, serviceProblem }: FleetStatus, endpoint: string): Finding[] {
  const cure =
    'if both are meant: queues of its own for each (LOOKUP_QUEUE, INTERACTIVE_QUEUE, RESULT_QUEUE, or QUEUE_PREFIX)'
  const others = (members ?? []).filter(({ service }) => service !== undefined && service !== serviceOf(endpoint))
  if (others.length > 0) {
    const where = [...new Set(others.map(({ host, pid }) => `${host} pid ${pid}`))].join(', ')
    return [fail('queues-shared', `workers on these queues call another service: ${where}`, cure)]
  }
  if (serviceProblem !== null)
    return [warn('queues-shared', 'workers on these queues have called another service, and never this one', cure)]
  return [pass('queues-shared', 'all workers on these queues call this service')]
}

function otherQueuesOf({ otherQueues }: FleetStatus): Finding[] {
  const found = otherQueues.map(({ queue, waiting }) =>
    warn(
      'other-queues',
      `${waiting} jobs wait on ${queue}, under our prefix, which no worker of ours serves`,
      'if a producer has misspelt the name of a queue, correct it there',
    ),
  )
  return orPass(found.slice(0, 5), 'other-queues', 'nothing waits on other queues under our prefix')
}

function limitedQueuesOf({ queues }: FleetStatus): Finding[] {
  const cure =
    "end it with BullMQ: Queue#resume, removeGlobalRateLimit, removeGlobalConcurrency; our limits are chat-enricher limit's"
  const found = queues.flatMap(({ queue, isPaused, limitSet, concurrencySet }) => [
    ...(isPaused ? [warn('queues-by-hand', `${queue} was paused by a tool of BullMQ's`, cure)] : []),
    ...(limitSet
      ? [warn('queues-by-hand', `BullMQ limits ${queue} to ${limitSet.jobs} in ${limitSet.perMs} ms`, cure)]
      : []),
    ...(concurrencySet ? [warn('queues-by-hand', `BullMQ limits ${queue} to ${concurrencySet} at a time`, cure)] : []),
  ])
  return orPass(found, 'queues-by-hand', 'no queue is paused or limited by BullMQ itself')
}

/** Of each setting that a member has a field for, and that should be the same everywhere: what it is in words. */
const SETTINGS: [name: string, of: (member: SeenMember) => unknown][] = [
  ['version', ({ version }) => version],
  ['RATE_LIMIT_PER_SECOND', ({ limits }) => limits.rate ?? 'none'],
  ['RATE_LIMIT_BURST', ({ limits }) => limits.burst],
  ['MAX_CALLS_IN_FLIGHT', ({ limits }) => limits.inFlight ?? 'none'],
  ['QUOTA_CALLS', ({ quota }) => (quota ? `${quota.calls} in ${quota.periodMs} ms` : 'none')],
  ['INTERACTIVE_SHARE', ({ interactiveShare }) => interactiveShare],
  ['LOOKUP_RETENTION_MS', ({ keeps }) => keeps?.lookupsMs],
  ['RESULT_MARKER_TTL_MS', ({ keeps }) => keeps?.markersMs],
]

function differencesOf(members: readonly SeenMember[]): Finding[] {
  const ownFields = SETTINGS.map(([name, of]): [string, unknown[]] => {
    return [name, [...new Set(members.map((member) => of(member)).filter((value) => value !== undefined))]]
  })
  const differing = [...ownFields.filter(([, values]) => values.length > 1), ...differingSettings(members)]
  const found = differing.map(([name, values]) => {
    const says = `workers differ in ${name}: ${values.slice(0, 5).join(', ')}`
    return warn('workers-agree', says, 'give all workers of a fleet the same settings, and restart the others')
  })
  return orPass(found, 'workers-agree', `${members.length} workers run, with the same settings`)
}

function unconsumedOf({ queues }: FleetStatus, { resultQueue }: QueueNames): Finding[] {
  const results = queues.find(({ queue }) => queue === resultQueue)
  const waiting = results ? results.jobs.waiting + results.jobs.prioritized : 0
  if (!results || results.oldestAgeMs < UNCONSUMED_MS) return [pass('results-consumed', `${waiting} results wait`)]
  const says = `${waiting} results wait, the oldest for ${inWords(results.oldestAgeMs)}`
  return [warn('results-consumed', says, 'start the consumer of the results, or more of them')]
}

function gateOf({ holds, byHand, at }: GateStatus, { listedCodes }: OwnSettings): Finding[] {
  const held = holds.map(({ reason, why, since, cure }) => {
    const says = `the fleet has been held for ${inWords(at - since)} (${reason}): ${why}`
    return reason === 'configuration' || reason === 'results' ? fail('held', says, cure) : warn('held', says, cure)
  })
  const old = byHand.flatMap(({ what, which, since, cure }) => {
    if (what === 'accept-code') return listedCodes.has(Number(which)) ? [] : [acceptedByHand(which)]
    if (what === 'hold' || since === null || at - since < DAY_MS) return []
    const says = `set by hand ${inWords(at - since)} ago, and still in force: ${what} ${which}`
    return [warn('by-hand', says, cure ?? 'see chat-enricher status')]
  })
  return [
    ...orPass(held, 'held', 'the fleet is not held'),
    ...orPass(old, 'by-hand', 'nothing was set by hand long ago'),
  ]
}

function acceptedByHand(code: string): Finding {
  const says = `responseCode ${code} was accepted by hand: workers of other settings do not know it`
  return warn('response-codes', says, `add ${code} to SOAP_NOT_FOUND_CODES`)
}

/** Which BullMQ opened the queues last. */
export async function checkBullVersions(redis: Redis, names: QueueNames): Promise<Finding[]> {
  const queues = [names.lookupQueue, names.interactiveQueue, names.resultQueue]
  const versions = await Promise.all(
    queues.map((queue) => redis.hget(keysOf(names, queue)(QUEUE_KEYS.meta), VERSION_FIELD)),
  )
  const found = queues.flatMap((queue, index) => {
    const [, version = '', major = ''] = /^bullmq:((\d+)\.[\w.-]{1,30})$/.exec(versions[index] ?? '') ?? []
    if (major === '' || Number(major) >= 6) return []
    const says = `${queue} was opened by BullMQ ${version}, which pauses, lists and ends jobs in another way than ours`
    return [warn('bullmq-version', says, 'upgrade whoever uses that queue to BullMQ 6')]
  })
  return orPass(found, 'bullmq-version', 'no queue was opened last by an older BullMQ')
}

function inWords(ms: number): string {
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`
  return ms < 2 * 3_600_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`
}
