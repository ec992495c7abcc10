/** What the API says of the fleet, and what it takes to change it. */

import * as z from 'zod'
import { HAND_ACTIONS } from '../../domain/by-hand.ts'
import { HOLD_REASONS } from '../../domain/hold.ts'
import { ACTIVITY_STATES } from '../../fleet/activity.ts'
import { HOLD_DEFAULT_MS, HOLD_MAX_MS, problemOfReason } from '../../fleet/hold-by-hand.ts'
import { JOB_STATES } from '../../fleet/status.ts'
import { anyOf } from './any-of.ts'

const ms = z.number().min(0)
const count = z.int().min(0)

export const holdSchema = z
  .looseObject({
    reason: z.enum(HOLD_REASONS),
    why: z.string(),
    since: z.number().describe("Redis' time, ms since 1970"),
    expiresAt: z.number(),
    nextProbeAt: z.number().nullable(),
    probes: count,
    kind: z.string().nullable(),
    suspectedSince: z.number().nullable(),
    spent: count,
    cure: z.string().describe('what to do'),
  })
  .meta({ id: 'Hold' })

export const holdsSchema = z
  .strictObject({ at: z.number().describe("Redis' time, ms since 1970"), holds: z.array(holdSchema) })
  .meta({ id: 'Holds' })

export const releasedSchema = z
  .strictObject({
    holds: z.array(z.enum(HOLD_REASONS)).describe('the reasons of the holds that were on'),
    paceBefore: z.number().nullable().describe('the part of the pace at which the fleet went; null: all of it'),
  })
  .meta({ id: 'Released' })

const limits = {
  rate: z.number().nullable().describe('calls a second; null: none'),
  burst: count,
  inFlight: count.nullable().describe('calls at one time; null: none'),
}

const quotaSchema = z.strictObject({ calls: count, periodMs: ms, spent: count }).nullable()

const since = { who: z.string().nullable(), since: z.number().nullable().describe("Redis' time, ms since 1970") }

const paceSchema = z
  .strictObject({ share: z.number(), ...since })
  .nullable()
  .describe('the part of the pace at which the fleet goes until it is released in full; null: all of it')

const byHandSchema = z
  .strictObject({
    what: z.enum(['hold', 'pace', 'limit', 'accept-code', 'queue-paused']),
    which: z.string(),
    value: z.number().nullable(),
    ...since,
    cure: z.string().nullable().describe('the command that ends it'),
  })
  .meta({ id: 'ByHand', description: 'What somebody has changed by hand, and is still so.' })

export const limitSchema = z
  .strictObject({
    set: z.strictObject(limits).partial().describe('by hand, for every process'),
    workers: z.array(z.strictObject({ host: z.string(), pid: count, ...limits })),
    quota: quotaSchema,
    pace: paceSchema,
    byHand: z.array(byHandSchema),
  })
  .meta({ id: 'Limit' })

const queueSchema = z.looseObject({
  queue: z.string(),
  jobs: z.strictObject(Object.fromEntries(JOB_STATES.map((state) => [state, count]))),
  oldestAgeMs: ms,
  isPaused: z.boolean(),
  added: count,
})

/** Fields may be added; these stay. */
export const statusSchema = z
  .looseObject({
    queues: z.array(queueSchema),
    members: z.array(z.looseObject({ id: z.string(), host: z.string(), pid: count, perSecond: z.number() })).nullable(),
    backlog: count,
    perSecond: z.number(),
    drainSeconds: z.number().nullable(),
    serviceProblem: z.string().nullable().describe('why holds and limits are not shown; null: they are'),
    holds: z.array(holdSchema).optional(),
    limitsSet: z.strictObject(limits).partial().optional(),
    quota: quotaSchema.optional(),
    pace: paceSchema.optional(),
    byHand: z.array(byHandSchema).optional(),
  })
  .meta({ id: 'Status' })

export const activitySchema = z
  .strictObject({
    at: z.iso.datetime(),
    who: z.string(),
    action: z.enum(HAND_ACTIONS),
    arguments: z.record(z.string(), z.unknown()),
    count: count.nullable(),
    state: z.enum(ACTIVITY_STATES),
    endedAt: z.iso.datetime().nullable(),
    id: z.string().nullable(),
  })
  .meta({ id: 'Activity' })

export const activitiesSchema = z.strictObject({ activity: z.array(activitySchema) }).meta({ id: 'Activities' })

export const holdRequest = z
  .strictObject({
    reason: z
      .string()
      .superRefine((text, context) => {
        const problem = problemOfReason(text)
        if (problem !== null) context.addIssue({ code: 'custom', message: problem.replace(/, got.*/, '') })
      })
      .optional()
      .describe('one line of up to 200 characters'),
    forMs: z.int().min(1).max(HOLD_MAX_MS).default(HOLD_DEFAULT_MS).describe('how long at most'),
  })
  .meta({ id: 'HoldRequest' })

export const releaseRequest = z
  .strictObject({
    pace: z
      .number()
      .gt(0)
      .lte(1)
      .optional()
      .describe('goes on at this part of its pace until released in full; 1: in full'),
    acceptCode: z
      .int()
      .min(-(2 ** 31))
      .max(2 ** 31 - 1)
      .optional()
      .describe('this response code is right after all, and means not found'),
  })
  .meta({ id: 'ReleaseRequest' })

export const limitRequest = anyOf(
  z.strictObject({
    ratePerSecond: z.number().min(0.001).max(100_000).nullable().optional().describe('null: no limit'),
    burst: z.int().min(1).max(100_000).optional(),
    inFlight: z.int().min(1).max(100_000).nullable().optional().describe('null: no limit'),
  }),
).meta({ id: 'LimitRequest' })
