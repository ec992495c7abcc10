/** What `status --json` and `limit --json` print, and the API says: every field, and none besides. */

import * as z from 'zod'
import { HOLD_REASONS } from '../../domain/hold.ts'
import { JOB_STATES } from '../../fleet/status.ts'

const ms = z.number().min(0)
const count = z.int().min(0)
export const redisTime = z.number().min(1_000_000_000_000).describe("Redis' time, ms since 1970")
const setBy = { who: z.string().nullable(), since: redisTime.nullable() }
const perSecond = z.number()

const rate = z.number().nullable().describe('calls a second; null: none')
const inFlight = count.nullable().describe('calls at one time; null: none')
const ownLimits = { rate, burst: count, inFlight }
const setLimits = z.strictObject(ownLimits).partial().describe('by hand, for every process')
const quotaSchema = z.strictObject({ calls: count, periodMs: ms, spent: count }).nullable()

const paceSchema = z
  .strictObject({ share: z.number(), ...setBy })
  .nullable()
  .describe('the part of the pace at which the fleet goes until it is released in full; null: all of it')

const byHandSchema = z
  .strictObject({
    what: z.enum(['hold', 'pace', 'limit', 'accept-code', 'queue-paused']),
    which: z.string(),
    value: z.number().nullable(),
    ...setBy,
    cure: z.string().nullable().describe('the command that ends it'),
  })
  .meta({ id: 'ByHand', description: 'What somebody has changed by hand, and is still so.' })

export const limitSchema = z
  .strictObject({
    set: setLimits,
    workers: z.array(z.strictObject({ host: z.string(), pid: count, ...ownLimits })),
    quota: quotaSchema,
    pace: paceSchema,
    byHand: z.array(byHandSchema),
  })
  .meta({ id: 'Limit' })

export const holdSchema = z
  .strictObject({
    reason: z.enum(HOLD_REASONS),
    why: z.string(),
    since: redisTime,
    expiresAt: redisTime,
    nextProbeAt: redisTime.nullable(),
    probes: count,
    kind: z.string().nullable(),
    suspectedSince: redisTime.nullable(),
    spent: count,
    by: z.string().nullable(),
    cure: z.string().describe('what to do'),
  })
  .meta({ id: 'Hold' })

const producer = z.string().nullable()
const callsFor = z.strictObject({ producer, calls: count })
const keeps = z.strictObject({ lookupsMs: count, markersMs: count })

const memberSchema = z
  .strictObject({
    id: z.string(),
    host: z.string(),
    pid: count,
    version: z.string(),
    startedAt: z.iso.datetime(),
    concurrency: count,
    inProgress: count,
    perSecond,
    callMs: count.nullable().optional(),
    limits: z.strictObject(ownLimits),
    quota: z.strictObject({ calls: count, periodMs: count }).nullable(),
    keeps,
    settings: z
      .record(z.string(), z.string())
      .optional()
      .describe('of what should be the same in all workers: what is not as by default'),
    stopping: z.boolean(),
    service: z.string().optional(),
    interactiveShare: z.number().optional(),
    callers: z.array(callsFor).optional(),
    certificate: z
      .strictObject({ host: z.string(), expiresAt: z.iso.datetime() })
      .nullable()
      .optional()
      .describe('of the service'),
    seenMsAgo: count,
  })
  .meta({ id: 'Member', description: 'A worker.' })

const queueSchema = z.strictObject({
  queue: z.string(),
  jobs: z.strictObject(Object.fromEntries(JOB_STATES.map((state) => [state, count]))),
  added: count,
  oldestAgeMs: z.number(),
  isPaused: z.boolean(),
  limitSet: z.strictObject({ jobs: count, perMs: count }).nullable(),
  concurrencySet: count.nullable(),
  unlisted: count.nullable(),
})

const memorySchema = z.strictObject({
  where: z.string(),
  usedBytes: count,
  maxBytes: count.nullable(),
  machineBytes: count.nullable(),
  isFull: z.boolean(),
})
const needSchema = z.strictObject({ perSecond, bytes: count, availableBytes: count.nullable(), keeps })

const waitingSchema = z.strictObject({
  waiting: count,
  sampled: count,
  by: z.array(z.strictObject({ producer, lookups: count })),
})

const work = {
  redis: memorySchema.nullable(),
  memoryNeed: needSchema.nullable(),
  queues: z.array(queueSchema),
  otherQueues: z.array(z.strictObject({ queue: z.string(), waiting: count })),
  members: z.array(memberSchema).nullable(),
  lost: z.array(memberSchema),
  backlog: count,
  perSecond,
  producers: z.strictObject({ waiting: waitingSchema, calls: z.array(callsFor) }),
  byHand: z.array(byHandSchema),
  drainSeconds: z.number().nullable(),
}

const inForce = z.strictObject({ values: z.array(z.number().nullable()), setByHand: z.boolean() })
const gate = {
  at: redisTime,
  holds: z.array(holdSchema),
  limitsSet: setLimits,
  pace: paceSchema,
  callsInFlight: count,
  limits: z.strictObject({ rate: inForce, burst: inForce, inFlight: inForce }),
  quota: quotaSchema,
}

/** Without a service that is meant, only what is known without one. */
export const statusSchema = z
  .union([
    z.strictObject({ ...work, ...gate, serviceProblem: z.null() }),
    z.strictObject({ ...work, serviceProblem: z.string().describe('why holds and limits are not shown') }),
  ])
  .meta({ id: 'Status' })
