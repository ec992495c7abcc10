/** What each command prints with --json: every field, and none besides. What the API says, too, has one schema for both. */

import * as z from 'zod/mini'
import { HOLD_REASONS } from '../../src/domain/hold.ts'
import { CHECKS } from '../../src/fleet/finding.ts'
import { endedPlanSchema, endedSchema, foundSchema } from '../../src/http/messages/actions.ts'
import { deadLetterGroupSchema } from '../../src/http/messages/dead-letters.ts'
import { storySchema as storyOfApi } from '../../src/http/messages/lookups.ts'

export { cancelledSchema, cancelPlanSchema } from '../../src/http/messages/actions.ts'
export { activitySchema } from '../../src/http/messages/fleet.ts'
export { dryRunSchema } from '../../src/http/messages/lookups.ts'

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
  callMs: z.optional(z.nullable(count)),
  limits: z.strictObject(ownLimits),
  quota: z.nullable(z.strictObject({ calls: count, periodMs: count })),
  keeps: z.strictObject({ lookupsMs: count, markersMs: count }),
  stopping: z.boolean(),
  service: z.optional(z.string()),
  interactiveShare: z.optional(z.number()),
  callers: z.optional(z.array(callsFor)),
  certificate: z.optional(z.nullable(z.strictObject({ host: z.string(), expiresAt: z.iso.datetime() }))),
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

const text = z.nullable(z.string())
export const deadLetterSchemas = {
  group: deadLetterGroupSchema,
  end: z.strictObject({ looked: count, unread: count, complete: z.boolean() }),
  plan: endedPlanSchema,
  acted: endedSchema,
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

/** Of `status LOOKUP_ID`. */
export const storySchema = storyOfApi.strict()

/** Of `find`: a line for each lookup, and the last one. */
export const findSchemas = { lookup: foundSchema, end: z.strictObject({ looked: count, complete: z.boolean() }) }

/** A line of `doctor`. */
export const findingSchema = z.strictObject({
  check: z.enum(CHECKS),
  status: z.enum(['pass', 'warn', 'fail']),
  says: z.string().check(z.minLength(1)),
  cure: text,
})
