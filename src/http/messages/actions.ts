/** Lookups that are selected, what an action on them would do, and what it did. */

import * as z from 'zod'
import { HAND_ACTIONS } from '../../domain/by-hand.ts'
import { HOLD_REASONS } from '../../domain/hold.ts'
import { LANES } from '../../domain/lane.ts'
import { RESULT_STATUSES } from '../../domain/result.ts'
import { LOOKUP_STATES, SELECTION_FIELDS, selectionSchema } from '../../domain/selection.ts'
import { WAITS_FOR } from '../../domain/waits.ts'
import { ACTIVITY_STATES } from '../../fleet/activity.ts'
import { DEFAULT_RATE, RATE_MAX } from '../../fleet/paced.ts'
import { wholeNumber } from './queries.ts'

const count = z.int().min(0)
const text = z.string().nullable()
const time = z.iso.datetime().nullable()

/** As text; `domain/selection.ts` says what each must be. */
const selectionTexts = Object.fromEntries(
  SELECTION_FIELDS.map((field) => [field, z.string().min(1, 'expected a value').optional()]),
)
export const selectionQuery = z.strictObject(selectionTexts)

const PAGE_MAX = 1000
export const findQuery = z.strictObject({
  ...selectionTexts,
  next: z.string().min(1, 'expected a value').optional().describe('of the page before'),
  limit: wholeNumber(1, PAGE_MAX, 'how many lookups').default(100),
})

export const waitsSchema = z
  .strictObject({
    for: z.enum(WAITS_FOR),
    holds: z.array(z.enum(HOLD_REASONS)),
    behind: count.nullable().describe('lookups that go before it; null: not known'),
    after: z.enum(['failure', 'recheck', 'asked']).nullable().describe('what its delay is for'),
  })
  .nullable()
  .describe('null: it does not wait')

const seen = {
  lookupId: z.string(),
  queue: z.string(),
  lane: z.enum(LANES),
  state: z.enum(LOOKUP_STATES),
  connectionId: text,
  correlationId: text,
  producer: text,
  enqueuedAt: time,
  startedAt: time,
  endedAt: time,
  dueAt: time,
  ageMs: count.nullable().describe('since it was enqueued or put back; of one that has ended, since then'),
  priority: count.nullable(),
  calls: count.nullable(),
  attempts: count.nullable(),
  failures: count.describe('attempts that failed'),
  charged: count.describe('those of them that count towards giving up'),
  rechecks: count,
  redrive: count.describe('how often it was put back'),
  failure: text.describe('code of its last failure, or of how it ended'),
  fault: text,
  httpStatus: z.int().nullable(),
  responseCode: z.int().nullable(),
  message: text,
  result: z.enum(RESULT_STATUSES).nullable(),
}
export const seenSchema = z.strictObject(seen).meta({ id: 'SeenLookup' })
export const foundSchema = z
  .strictObject({ ...seen, waits: waitsSchema })
  .meta({ id: 'FoundLookup', description: 'What `find --json` prints of a lookup.' })

export const foundsSchema = z
  .strictObject({
    lookups: z.array(foundSchema),
    next: text.describe('for the next page, with the same selection; null: this is the last one. A page may be empty'),
    looked: count.describe('lookups that were looked at for this page'),
  })
  .meta({ id: 'FoundLookups' })

const MOST_NAMED = 10_000
const selection = z
  .strictObject(selectionSchema.shape)
  .refine((given) => Object.values(given).some((value) => value !== undefined), 'expected at least one field, or all')
  .meta({ id: 'Selection', description: 'All that is given must hold.' })
const which = {
  selection: selection.optional(),
  lookupIds: z.array(z.string().min(1)).min(1).max(MOST_NAMED).optional(),
}
const how = {
  dryRun: z.boolean().default(false).describe('only say what would be done'),
  ratePerSecond: z.int().min(1).max(RATE_MAX).default(DEFAULT_RATE).describe('lookups a second'),
}
const NEITHER = 'expected selection or lookupIds'

export const cancelRequest = z
  .strictObject({ ...which, ...how })
  .refine(({ selection, lookupIds }) => (selection === undefined) !== (lookupIds === undefined), NEITHER)
  .meta({ id: 'CancelRequest' })

/** Beside ids, only the state that they have. */
interface Ended {
  selection?: object | undefined
  lookupIds?: unknown[] | undefined
}
function isClear({ selection, lookupIds }: Ended): boolean {
  if (lookupIds === undefined) return selection !== undefined
  return Object.keys(selection ?? {}).every((field) => field === 'state')
}
const ENDED_NEITHER = `${NEITHER}; beside lookupIds the selection has at most a state`

export const redriveRequest = z
  .strictObject({
    ...which,
    ...how,
    force: z
      .boolean()
      .default(false)
      .describe('also what failed with the cause for which the fleet holds, and during the hold'),
  })
  .refine(isClear, ENDED_NEITHER)
  .meta({ id: 'RedriveRequest' })

export const dropRequest = z
  .strictObject({ ...which, ...how, reason: z.string().min(1).max(200).describe('why, for the activity') })
  .refine(isClear, ENDED_NEITHER)
  .meta({ id: 'DropRequest' })

export type CancelRequest = z.infer<typeof cancelRequest>
export type RedriveRequest = z.infer<typeof redriveRequest>
export type DropRequest = z.infer<typeof dropRequest>

const SAMPLE = 10
const plan = {
  count: count.describe('lookups that it would be done to'),
  sample: z.array(seenSchema).max(SAMPLE),
  looked: count,
  unread: count.describe('jobs that are too large or broken to be read'),
  calls: count.describe('calls that it costs at least'),
  seconds: count.describe('what it takes at that pace and the limit in force'),
}
export const cancelPlanSchema = z
  .strictObject(plan)
  .meta({ id: 'CancelPlan', description: 'What `cancel --dry-run --json` prints.' })

const refused = z
  .array(z.strictObject({ lookupId: z.string(), why: z.string() }))
  .describe('the first thousand of those that were left as they are')

export const cancelledSchema = z
  .strictObject({ cancelled: count, refused, refusedCount: count, looked: count })
  .meta({ id: 'Cancelled', description: 'What `cancel --json` prints.' })

const action = z.enum(['redrive', 'drop'])
export const endedPlanSchema = z
  .strictObject({ action, ...plan, refused: text.describe('why it would be refused; null: it would not') })
  .meta({ id: 'EndedPlan', description: 'What `dead-letters redrive --dry-run --json` prints.' })

export const endedSchema = z
  .strictObject({
    action,
    done: count,
    refused,
    refusedCount: count,
    looked: count,
    wentOnFrom: time.describe('when the action began that this one went on with; null: a new one'),
  })
  .meta({ id: 'Ended', description: 'What `dead-letters redrive --json` prints.' })

const ACTION_ID = /^ac-[0-9a-f]{24}$/
export const actionParams = z.strictObject({ actionId: z.string().regex(ACTION_ID, 'expected the id of an action') })

export const actionSchema = z
  .strictObject({
    id: z.string().regex(ACTION_ID),
    at: z.iso.datetime().describe('when it began'),
    who: z.string(),
    action: z.enum(HAND_ACTIONS),
    arguments: z.record(z.string(), z.unknown()).describe('ids as hashes'),
    state: z
      .enum(ACTIVITY_STATES)
      .describe('stopped, cut-off: came to no end; asked for again it does the rest, and nothing twice'),
    count: count.describe('done'),
    refused: count.describe('left as they are'),
    looked: count.describe('looked at'),
    waitsFor: text.describe('what it waits for at the moment'),
    endedAt: time,
    cure: text.describe('what to do about one that came to no end'),
  })
  .meta({ id: 'Action' })
