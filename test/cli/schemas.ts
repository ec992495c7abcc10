/** What each command prints with --json: every field, and none besides. */

import * as z from 'zod/mini'
import { HAND_ACTIONS } from '../../src/domain/by-hand.ts'
import { FAILURE_CODES } from '../../src/domain/failure.ts'
import { HOLD_REASONS } from '../../src/domain/hold.ts'
import { LANES } from '../../src/domain/lane.ts'
import { DELIVERIES } from '../../src/domain/lookup.ts'
import { RESULT_STATUSES } from '../../src/domain/result.ts'
import { timingSchema } from '../../src/domain/result-schema.ts'
import { LOOKUP_STATES } from '../../src/domain/selection.ts'
import { WAITS_FOR } from '../../src/domain/waits.ts'
import { CHECKS } from '../../src/fleet/finding.ts'

export const activitySchema = z.strictObject({
  at: z.iso.datetime(),
  who: z.string().check(z.minLength(1), z.maxLength(128)),
  action: z.enum(HAND_ACTIONS),
  arguments: z.record(z.string(), z.unknown()),
  count: z.nullable(z.int().check(z.nonnegative())),
  state: z.enum(['done', 'running', 'stopped', 'cut-off']),
  endedAt: z.nullable(z.iso.datetime()),
  id: z.nullable(z.string().check(z.regex(/^ac-[0-9a-f]{24}$/))),
})

const count = z.int().check(z.nonnegative())
/** Redis' time, ms. */
const time = z.number().check(z.gte(1_000_000_000_000))
const setBy = { who: z.nullable(z.string()), since: z.nullable(time) }
const byHandSchema = z.strictObject({
  what: z.enum(['hold', 'pace', 'limit', 'accept-code', 'queue-paused']),
  which: z.string(),
  value: z.nullable(z.number()),
  ...setBy,
  cure: z.nullable(z.string()),
})
const paceSchema = z.nullable(z.strictObject({ share: z.number(), ...setBy }))
const limit = z.nullable(z.number())
const ownLimits = { rate: limit, burst: count, inFlight: limit }
const setLimits = z.strictObject({ rate: z.optional(limit), burst: z.optional(count), inFlight: z.optional(limit) })
const quotaSchema = z.nullable(z.strictObject({ calls: count, periodMs: count, spent: count }))

export const limitSchema = z.strictObject({
  set: setLimits,
  workers: z.array(z.strictObject({ host: z.string(), pid: count, ...ownLimits })),
  quota: quotaSchema,
  pace: paceSchema,
  byHand: z.array(byHandSchema),
})

const producer = z.nullable(z.string())
const callsFor = z.strictObject({ producer, calls: count })

const memberSchema = z.strictObject({
  id: z.string(),
  host: z.string(),
  pid: count,
  version: z.string(),
  startedAt: z.iso.datetime(),
  concurrency: count,
  inProgress: count,
  perSecond: z.number(),
  limits: z.strictObject(ownLimits),
  quota: z.nullable(z.strictObject({ calls: count, periodMs: count })),
  keeps: z.strictObject({ lookupsMs: count, markersMs: count }),
  stopping: z.boolean(),
  service: z.optional(z.string()),
  interactiveShare: z.optional(z.number()),
  callers: z.optional(z.array(callsFor)),
  seenMsAgo: count,
})

const jobs = { waiting: count, prioritized: count, delayed: count, active: count, completed: count, failed: count }
const queueSchema = z.strictObject({
  queue: z.string(),
  jobs: z.strictObject(jobs),
  added: count,
  oldestAgeMs: z.number(),
  isPaused: z.boolean(),
  limitSet: z.nullable(z.strictObject({ jobs: count, perMs: count })),
  concurrencySet: z.nullable(count),
  unlisted: z.nullable(count),
})

const holdSchema = z.strictObject({
  reason: z.enum(HOLD_REASONS),
  why: z.string(),
  since: time,
  expiresAt: time,
  nextProbeAt: z.nullable(time),
  probes: count,
  kind: z.nullable(z.string()),
  suspectedSince: z.nullable(time),
  spent: count,
  by: z.nullable(z.string()),
  cure: z.string(),
})

const inForce = z.strictObject({ values: z.array(limit), setByHand: z.boolean() })
const memorySchema = z.strictObject({
  where: z.string(),
  usedBytes: count,
  maxBytes: z.nullable(count),
  machineBytes: z.nullable(count),
  isFull: z.boolean(),
})

const needSchema = z.strictObject({
  perSecond: z.number(),
  bytes: count,
  availableBytes: z.nullable(count),
  keeps: z.strictObject({ lookupsMs: count, markersMs: count }),
})

const work = {
  redis: z.nullable(memorySchema),
  memoryNeed: z.nullable(needSchema),
  queues: z.array(queueSchema),
  otherQueues: z.array(z.strictObject({ queue: z.string(), waiting: count })),
  members: z.nullable(z.array(memberSchema)),
  lost: z.array(memberSchema),
  backlog: count,
  perSecond: z.number(),
  producers: z.strictObject({
    waiting: z.strictObject({
      waiting: count,
      sampled: count,
      by: z.array(z.strictObject({ producer, lookups: count })),
    }),
    calls: z.array(callsFor),
  }),
  byHand: z.array(byHandSchema),
  drainSeconds: z.nullable(z.number()),
}
const gate = {
  at: time,
  holds: z.array(holdSchema),
  limitsSet: setLimits,
  pace: paceSchema,
  callsInFlight: count,
  limits: z.strictObject({ rate: inForce, burst: inForce, inFlight: inForce }),
  quota: quotaSchema,
}

/** Without a service that is meant, only what is known without one. */
export const statusSchema = z.union([
  z.strictObject({ ...work, ...gate, serviceProblem: z.null() }),
  z.strictObject({ ...work, serviceProblem: z.string() }),
])

const part = z.number().check(z.nonnegative())

export const dryRunSchema = z.strictObject({
  lines: count,
  bad: count,
  firstBad: z.array(z.strictObject({ line: count, problem: z.string() })).check(z.maxLength(10)),
  lookups: count,
  repeatedKeys: count,
  repeatedIds: count,
  isExact: z.boolean(),
  callsAtMost: count,
  callsShared: count,
  perSecond: z.nullable(part),
  hours: z.nullable(part),
  backlog: count,
  quota: z.nullable(z.strictObject({ share: part, calls: count, left: count })),
  interactiveKeeps: z.nullable(z.strictObject({ share: part, perSecond: part })),
})

const text = z.nullable(z.string())
const foundSchema = z.looseObject({ lookupId: z.string(), state: z.string(), failure: text })
const refused = z.array(z.strictObject({ lookupId: z.string(), why: z.enum(['again', 'early', 'elsewhere', 'gone']) }))
const endedAction = z.enum(['redrive', 'drop'])
export const deadLetterSchemas = {
  group: z.strictObject({
    failure: text,
    fault: text,
    httpStatus: z.nullable(count),
    count,
    firstAt: z.nullable(z.iso.datetime()),
    lastAt: z.nullable(z.iso.datetime()),
    failedAgain: count,
  }),
  end: z.strictObject({ looked: count, unread: count, complete: z.boolean() }),
  plan: z.strictObject({
    action: endedAction,
    count,
    sample: z.array(foundSchema).check(z.maxLength(10)),
    looked: count,
    unread: count,
    calls: count,
    seconds: count,
    refused: text,
  }),
  acted: z.strictObject({
    action: endedAction,
    done: count,
    refused,
    refusedCount: count,
    looked: count,
    wentOnFrom: z.nullable(z.iso.datetime()),
  }),
}

/** A line of `enqueue`. */
export const enqueuedSchema = z.strictObject({
  line: count.check(z.positive()),
  lookupId: z.string().check(z.minLength(1)),
  connectionId: z.string().check(z.minLength(1)),
  correlationId: text,
})

export const forgottenSchema = z.strictObject({
  removed: z.strictObject({
    lookups: count,
    results: count,
    markers: count,
    answers: count,
    memories: count,
    events: count,
    streamed: count,
  }),
  active: z.array(z.string()),
})

const iso = z.nullable(z.iso.datetime())
const failureCode = z.enum(FAILURE_CODES)
const resultStatus = z.enum(RESULT_STATUSES)

const waitsOfLookup = z.nullable(
  z.strictObject({
    for: z.enum(WAITS_FOR),
    holds: z.array(z.enum(HOLD_REASONS)),
    behind: z.nullable(count),
    after: z.nullable(z.enum(['failure', 'recheck', 'asked'])),
  }),
)

/** Of `status LOOKUP_ID`. */
export const storySchema = z.strictObject({
  lookupId: z.string(),
  queue: z.string(),
  lane: z.enum(LANES),
  connectionId: text,
  correlationId: text,
  producer,
  state: z.enum(['waiting', 'prioritized', 'delayed', 'active', 'completed', 'failed', 'gone']),
  enqueuedAt: iso,
  dueAt: iso,
  redrive: count,
  taken: count,
  stalls: count,
  history: z.nullable(z.strictObject({ charged: count, failures: count, calls: count, rechecks: count })),
  lastFailure: z.nullable(z.strictObject({ code: failureCode, message: z.string() })),
  timing: z.nullable(timingSchema),
  result: z.nullable(resultStatus),
  resultIsThere: z.boolean(),
  deliver: z.nullable(z.enum(DELIVERIES)),
  keptUntil: iso,
  waits: waitsOfLookup,
  end: z.nullable(
    z.strictObject({
      finishedAt: iso,
      status: resultStatus,
      code: z.nullable(failureCode),
      message: text,
      calls: z.nullable(count),
      attempts: z.nullable(count),
    }),
  ),
})

/** Of `find`: a line for each lookup, and the last one. */
export const findSchemas = {
  lookup: z.strictObject({
    lookupId: z.string(),
    queue: z.string(),
    lane: z.enum(LANES),
    state: z.enum(LOOKUP_STATES),
    connectionId: text,
    correlationId: text,
    producer,
    enqueuedAt: iso,
    startedAt: iso,
    endedAt: iso,
    dueAt: iso,
    ageMs: z.nullable(count),
    priority: z.nullable(count),
    waits: waitsOfLookup,
    calls: z.nullable(count),
    attempts: z.nullable(count),
    failures: count,
    charged: count,
    rechecks: count,
    redrive: count,
    failure: z.nullable(failureCode),
    fault: text,
    httpStatus: z.nullable(z.int()),
    responseCode: z.nullable(z.int()),
    message: text,
    result: z.nullable(resultStatus),
  }),
  end: z.strictObject({ looked: count, complete: z.boolean() }),
}

export const cancelledSchema = z.strictObject({
  cancelled: count,
  refused: z.array(z.strictObject({ lookupId: z.string(), why: z.string() })),
  refusedCount: count,
  looked: count,
})

/** A line of `doctor`. */
export const findingSchema = z.strictObject({
  check: z.enum(CHECKS),
  status: z.enum(['pass', 'warn', 'fail']),
  says: z.string().check(z.minLength(1)),
  cure: text,
})
