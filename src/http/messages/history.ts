/** What the API says of the last hour. */

import * as z from 'zod'
import { CALL_OUTCOMES } from '../../domain/event.ts'
import { HOLD_REASONS } from '../../domain/hold.ts'
import { RESULT_STATUSES } from '../../domain/result.ts'
import { PHASES } from '../../domain/timing.ts'

const count = z.int().min(0)
const at = z.number().describe("Redis' time, ms since 1970")

function counts<T extends string>(names: readonly T[]) {
  return z.partialRecord(z.enum(names), count)
}

const sliceSchema = z
  .strictObject({
    at,
    results: counts(RESULT_STATUSES),
    calls: counts(CALL_OUTCOMES),
    endToEnd: z.array(count).describe('results by how long they took: one for each bound, and one beyond'),
    callTook: z.array(count).describe('calls by how long they took'),
    phases: z
      .strictObject(Object.fromEntries(PHASES.map((phase) => [phase, count])))
      .describe('where the time of its results went, ms'),
    queues: z
      .strictObject({ at, added: count.describe('lookups ever added'), backlog: count })
      .nullable()
      .describe('as they were at that time'),
  })
  .meta({ id: 'HistorySlice' })

export const historySchema = z
  .strictObject({
    at,
    sliceMs: count,
    boundsMs: z.array(count),
    slices: z.array(sliceSchema).describe('the oldest first; the last one may not be whole'),
    kinds: z
      .array(z.strictObject({ kind: z.string(), firstAt: at, lastAt: at, count }))
      .describe('answers that are not the usual one, as code:5, fault:Client, http:503; the last one first'),
    holds: z
      .array(
        z.strictObject({
          reason: z.enum(HOLD_REASONS),
          from: at,
          to: at,
          why: z.string().nullable().describe('null: it is on, or no worker saw its end'),
          probes: count.nullable().describe('those that failed'),
        }),
      )
      .describe('of up to eight days; one that is on ends when it ends by itself'),
  })
  .meta({ id: 'History' })
