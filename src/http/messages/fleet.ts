/** What the API says of the fleet, and what it takes to change it. */

import * as z from 'zod'
import { HAND_ACTIONS } from '../../domain/by-hand.ts'
import { HOLD_REASONS } from '../../domain/hold.ts'
import { ACTIVITY_STATES } from '../../fleet/activity.ts'
import { HOLD_DEFAULT_MS, HOLD_MAX_MS, problemOfReason } from '../../fleet/hold-by-hand.ts'
import { anyOf } from './any-of.ts'
import { holdSchema, redisTime } from './status.ts'

const count = z.int().min(0)

export const holdsSchema = z.strictObject({ at: redisTime, holds: z.array(holdSchema) }).meta({ id: 'Holds' })

export const releasedSchema = z
  .strictObject({
    holds: z.array(z.enum(HOLD_REASONS)).describe('the reasons of the holds that were on'),
    paceBefore: z.number().nullable().describe('the part of the pace at which the fleet went; null: all of it'),
  })
  .meta({ id: 'Released' })

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
