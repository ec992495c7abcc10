/** Lookups as the API takes them, and what it says of them. */

import * as z from 'zod'
import { idFromPath } from '../../domain/id-in-path.ts'
import { LANES } from '../../domain/lane.ts'
import { characters, DELIVERIES, lookupSchema } from '../../domain/lookup.ts'
import { RESULT_STATUSES } from '../../domain/result.ts'
import { resultSchema as resultOfQueue, timingSchema as timingOfQueue } from '../../domain/result-schema.ts'
import { DELAY_MAX_MS, KEY_MAX, PRIORITY_MAX } from '../../intake/submit.ts'
import { waitsSchema } from './actions.ts'
import { wholeNumber, yes } from './queries.ts'

export const MOST_AT_ONCE = 10_000
const WAIT_MAX_S = 60

const count = z.int().min(0)
const key = z
  .string()
  .min(1, `expected 1 to ${KEY_MAX} characters`)
  .max(KEY_MAX, `expected 1 to ${KEY_MAX} characters`)
  .refine((text) => text.isWellFormed(), 'expected no lone surrogates')

/** Null is what some languages write for a field that is missing. */
const { connectionId, producer, metadata, expiresAt, traceparent, deliver } = lookupSchema.shape
const fields = {
  connectionId,
  correlationId: z.nullable(characters(1, 256)).optional(),
  producer: z.nullable(producer).optional().describe("the token's name, if anything"),
  metadata: z.nullable(metadata).optional(),
  expiresAt: z.nullable(expiresAt).optional(),
  traceparent: z.nullable(traceparent).optional().describe('of one lookup or a batch: else that of the header'),
  deliver: z.nullable(deliver).optional(),
  idempotencyKey: key.nullable().optional().describe('the same key again is the same lookup'),
  priority: z
    .int()
    .min(1)
    .max(PRIORITY_MAX)
    .optional()
    .describe('1 is the most urgent; none comes before all that have one'),
  delayMs: z.int().min(0).max(DELAY_MAX_MS).optional(),
}
const interactive = z.boolean().optional().describe('on the queue of the lookups that a person waits for')

export const oneRequest = z.strictObject({ ...fields, interactive }).meta({ id: 'LookupRequest' })
/** Of a batch, or a line of NDJSON. */
export const lineRequest = z.strictObject(fields).meta({ id: 'LookupOfMany' })
export const batchRequest = z
  .strictObject({ lookups: z.array(lineRequest).min(1).max(MOST_AT_ONCE), interactive })
  .meta({ id: 'LookupsRequest' })
export const lookupsRequest = z.union([oneRequest, batchRequest])
export type OneRequest = z.infer<typeof oneRequest>
export type BatchRequest = z.infer<typeof batchRequest>

const wait = wholeNumber(1, WAIT_MAX_S, 'how many seconds to wait').optional()
export const enqueueQuery = z.strictObject({
  wait,
  interactive: yes.optional().describe('as in the body, and for NDJSON'),
  dryRun: yes.optional().describe('only say what would be enqueued'),
})
export const storyQuery = z.strictObject({
  wait,
  result: yes.optional().describe('false: the story alone, also for whoever may read the result'),
})

export const keyHeader = z.looseObject({ 'idempotency-key': key.optional() })

export const lookupParams = z.strictObject({
  lookupId: z.string().min(1).describe('"." and ".." are written "=." and "=..", because a path cannot have them'),
})

export function idOf(params: unknown): string {
  return idFromPath((params as { lookupId: string }).lookupId)
}

export const ackSchema = z
  .strictObject({
    lookupId: z.string(),
    connectionId: z.string(),
    isNew: z
      .boolean()
      .describe(
        'false: the same idempotency key had put it there before. Of requests with one key at one moment more than one may say true; the lookup is one',
      ),
  })
  .meta({ id: 'Ack' })
export const acksSchema = z.strictObject({ lookups: z.array(ackSchema) }).meta({ id: 'Acks' })

const part = z.number().min(0)
export const dryRunSchema = z
  .strictObject({
    lines: count,
    bad: count,
    firstBad: z.array(z.strictObject({ line: count, problem: z.string() })).max(10),
    lookups: count.describe('what would be enqueued'),
    repeatedKeys: count.describe('those whose idempotency key came before, or is on a queue already'),
    repeatedIds: count.describe('lookups of a connection id that came before'),
    isExact: z.boolean().describe('false: there are too many ids to know all repeats'),
    callsAtMost: count,
    callsShared: count.describe('if all of a connection id share a call'),
    perSecond: part.nullable().describe('calls, at the limit in force; null: not known'),
    hours: part.nullable(),
    backlog: count.describe('lookups that wait already'),
    quota: z.strictObject({ share: part, calls: count, left: count }).nullable(),
    interactiveKeeps: z.strictObject({ share: part, perSecond: part }).nullable(),
  })
  .meta({ id: 'DryRun', description: 'What `enqueue --dry-run --json` prints.' })

/** A line of the answer to NDJSON. */
export const ackLineSchema = z
  .union([
    ackSchema.extend({ line: count }),
    z.strictObject({ line: count, error: z.string(), code: z.string() }),
    z.strictObject({ error: z.string(), code: z.string(), acknowledgedThrough: count }),
  ])
  .meta({ id: 'AckLine' })

const timingSchema = z.object(timingOfQueue.shape)
export const resultSchema = z.object(resultOfQueue.shape).meta({ id: 'Result' })

const saidByService = {
  fault: z.string().nullable(),
  httpStatus: z.int().nullable(),
  responseCode: z.int().nullable().describe("the service's own, where it is not 0"),
}
const story = {
  lookupId: z.string(),
  queue: z.string(),
  lane: z.enum(LANES),
  connectionId: z.string().nullable(),
  correlationId: z.string().nullable(),
  producer: z.string().nullable(),
  state: z.enum(['waiting', 'prioritized', 'delayed', 'active', 'completed', 'failed', 'gone']),
  enqueuedAt: z.iso.datetime().nullable(),
  dueAt: z.iso.datetime().nullable().describe('of a delayed one'),
  redrive: count,
  taken: count,
  stalls: count,
  history: z.strictObject({ charged: count, failures: count, calls: count, rechecks: count }).nullable(),
  lastFailure: z.strictObject({ code: z.string(), message: z.string(), ...saidByService }).nullable(),
  timing: timingSchema
    .nullable()
    .describe('where its time went, up to when it went back or ended; null: it did neither, or it is forgotten'),
  result: z.enum(RESULT_STATUSES).nullable().describe('null: it has none yet, or it is forgotten'),
  resultIsThere: z.boolean(),
  deliver: z.enum(DELIVERIES).nullable(),
  keptUntil: z.iso.datetime().nullable(),
  waits: waitsSchema,
  end: z
    .strictObject({
      finishedAt: z.iso.datetime().nullable(),
      status: z.enum(RESULT_STATUSES),
      code: z.string().nullable(),
      message: z.string().nullable(),
      ...saidByService,
      calls: count.nullable(),
      attempts: count.nullable(),
    })
    .nullable()
    .describe('null: it has not ended, or nobody knows any more how'),
}

export const storySchema = z
  .looseObject(story)
  .meta({ id: 'Story', description: 'What `status LOOKUP_ID --json` prints.' })

export const lookupSchemaOfApi = z
  .strictObject({
    story: storySchema,
    result: resultSchema
      .nullable()
      .describe('null: there is none, it is not there any more, or the token may not read it'),
  })
  .meta({ id: 'Lookup' })

export const shownSchema = z
  .strictObject({ result: resultSchema.nullable().describe('null: it is not there any more') })
  .meta({ id: 'Shown' })

export const forgetRequest = z
  .strictObject({
    connectionId: z.string().min(1),
    waitMs: z.int().min(0).max(60_000).default(10_000).describe('for lookups that are in hand'),
  })
  .meta({ id: 'ForgetRequest' })

export const forgottenSchema = z
  .strictObject({
    removed: z.strictObject({
      lookups: count,
      results: count,
      markers: count,
      answers: count,
      memories: count,
      events: count,
      streamed: count,
    }),
    active: z.array(z.string()).describe('ids of what was in hand all the time, and is still there'),
  })
  .meta({ id: 'Forgotten' })
