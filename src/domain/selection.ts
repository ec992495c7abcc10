/**
 * Selection: which lookups are meant, by what they are. All that is given must hold. The command line, JSON and a query string
 * are checked by one schema, and say the same fields.
 */

import * as z from 'zod/mini'
import { FAILURE_CODES } from './failure.ts'
import type { Lane } from './lane.ts'
import { lookupSchema } from './lookup.ts'
import { RESULT_STATUSES } from './result.ts'

/**
 * Where a lookup is. waiting: for a worker, or for the jobs of its flow. delayed: until its time has come, also before a
 * retry or a recheck. active: a worker has it in hand. dead: it gave up. finished: it ended in another way.
 */
export const LOOKUP_STATES = ['waiting', 'delayed', 'active', 'dead', 'finished'] as const
export type LookupState = (typeof LOOKUP_STATES)[number]

/** What a lookup queue is called in a selection, whatever its name in BullMQ. */
export const LANE_OF_QUEUE = { lookup: 'batch', interactive: 'interactive' } as const satisfies Record<string, Lane>
const QUEUES = Object.keys(LANE_OF_QUEUE) as (keyof typeof LANE_OF_QUEUE)[]

const AGE_MAX_MS = 10 * 366 * 86_400_000

/** Ids are compared, never read: a lookup that is no valid one can be found by what its producer wrote. */
const text = z.string().check(z.minLength(1, 'expected at least one character'))
const int32 = z.int().check(z.minimum(-(2 ** 31)), z.maximum(2 ** 31 - 1))
const age = z.int().check(z.minimum(0), z.maximum(AGE_MAX_MS))

export const selectionSchema = z.strictObject({
  connectionId: z.optional(text),
  correlationId: z.optional(text),
  producer: lookupSchema.shape.producer,
  queue: z.optional(z.enum(QUEUES)),
  state: z.optional(z.enum(LOOKUP_STATES)),
  /** The age of a lookup that has ended counts from its end; of any other from when it was enqueued, or put back. */
  olderThanMs: z.optional(age),
  newerThanMs: z.optional(age),
  /** Of the last failure, or how it ended. */
  failure: z.optional(z.enum(FAILURE_CODES)),
  fault: z.optional(text),
  httpStatus: z.optional(int32),
  responseCode: z.optional(int32),
  result: z.optional(z.enum(RESULT_STATUSES)),
  /** Nothing else need be given. */
  all: z.optional(z.literal(true)),
})

export type Selection = z.infer<typeof selectionSchema>
export type SelectionField = keyof Selection
export const SELECTION_FIELDS = Object.keys(selectionSchema.shape) as SelectionField[]

/** `field`: the one that is wrong; null: none is given, or one that there is not. */
export type ParsedSelection =
  | { ok: true; selection: Selection }
  | { ok: false; field: SelectionField | null; problem: string }

/** Checks a selection that came from outside as JSON. The problem says what was expected, and never a value. */
export function parseSelection(value: unknown): ParsedSelection {
  const parsed = selectionSchema.safeParse(value)
  if (!parsed.success) return problemOf(value, parsed.error.issues[0])
  if (Object.values(parsed.data).some((given) => given !== undefined)) return { ok: true, selection: parsed.data }
  return { ok: false, field: null, problem: 'selection: expected at least one field, or all, got none' }
}

/** The same where all is text, as in a query string. */
export function parseSelectionText(fields: Readonly<Record<string, string>>): ParsedSelection {
  return parseSelection(
    Object.fromEntries(Object.entries(fields).map(([name, given]) => [name, fromText(name, given)])),
  )
}

const NUMBERS: readonly string[] = [
  'olderThanMs',
  'newerThanMs',
  'httpStatus',
  'responseCode',
] satisfies SelectionField[]

function fromText(name: string, given: string): unknown {
  if (name === 'all') return given === 'true' ? true : given
  return NUMBERS.includes(name) && /^-?\d{1,15}$/.test(given) ? Number(given) : given
}

interface Issue {
  code?: string
  path: PropertyKey[]
  message: string
  keys?: string[]
}

function problemOf(value: unknown, issue: Issue | undefined): ParsedSelection {
  if (issue?.code === 'unrecognized_keys') {
    const known = SELECTION_FIELDS.join(', ')
    const [unknown = ''] = issue.keys ?? []
    return { ok: false, field: null, problem: `${JSON.stringify(unknown)}: expected one of ${known}` }
  }
  const field = (issue?.path[0] ?? null) as SelectionField | null
  if (field === null) return { ok: false, field, problem: 'selection: expected an object' }
  const got = typeof Object(value)[field]
  return { ok: false, field, problem: `${field}: expected ${EXPECTED[field]}, got another ${got}` }
}

const oneOf = (values: readonly string[]) => `one of ${values.join(', ')}`
const EXPECTED: Readonly<Record<SelectionField, string>> = {
  connectionId: 'a text',
  correlationId: 'a text',
  producer: 'a name of 1 to 64 characters of A-Z a-z 0-9 . _ -',
  queue: oneOf(QUEUES),
  state: oneOf(LOOKUP_STATES),
  olderThanMs: 'milliseconds, up to ten years',
  newerThanMs: 'milliseconds, up to ten years',
  failure: oneOf(FAILURE_CODES),
  fault: 'the name of a SOAP fault, as Server',
  httpStatus: 'a whole number',
  responseCode: 'a whole number',
  result: oneOf(RESULT_STATUSES),
  all: 'true',
}

/** What of a lookup a selection looks at; null: the lookup has none, or nobody knows. */
export interface Selectable {
  lane: Lane
  state: LookupState
  connectionId: string | null
  correlationId: string | null
  producer: string | null
  /** Since it ended; of one that has not, since it was enqueued or put back. */
  ageMs: number | null
  /** The code of its last failure, or of how it ended, and what came with it. */
  failure: string | null
  fault: string | null
  httpStatus: number | null
  responseCode: number | null
  /** The status of its result. */
  result: string | null
}

const COMPARED = [
  'connectionId',
  'correlationId',
  'producer',
  'state',
  'failure',
  'fault',
  'httpStatus',
  'responseCode',
  'result',
] as const satisfies (SelectionField & keyof Selectable)[]

export function matches(selection: Selection, lookup: Selectable): boolean {
  const { queue, olderThanMs, newerThanMs } = selection
  if (queue !== undefined && LANE_OF_QUEUE[queue] !== lookup.lane) return false
  if (olderThanMs !== undefined && !(lookup.ageMs !== null && lookup.ageMs > olderThanMs)) return false
  if (newerThanMs !== undefined && !(lookup.ageMs !== null && lookup.ageMs < newerThanMs)) return false
  return COMPARED.every((name) => selection[name] === undefined || selection[name] === lookup[name])
}
