/**
 * Lookup: what is asked. One lookup in, exactly one result out.
 *
 * The words, used everywhere in the same sense: *lookup* (what is asked), *call* (one SOAP request on the wire),
 * *attempt* (one run of a lookup), *failure* (why it went wrong), *verdict* (what happens next), *ChatRequest* (what the
 * service knows), *result* (what is published), *hold* (the whole fleet stops calling for a while).
 */

import * as z from 'zod/mini'

export const LOOKUP_JOB_NAME = 'lookup'

const CONTROL_CHARACTER = /\p{Cc}/u
/** U+FFFE and U+FFFF cannot stand in an XML document, so the service could never be asked for them. */
const NOT_IN_XML = /[\uFFFE\uFFFF]/

/** Whether a text has more characters (not UTF-16 units) than `limit`. Stops counting there, however long the text is. */
function isLongerThan(text: string, limit: number): boolean {
  if (text.length <= limit) return false
  if (text.length > limit * 2) return true
  return [...text].length > limit
}

export function characters(min: number, max: number) {
  return z
    .string()
    .check(
      z.refine((text) => text.length >= min && !isLongerThan(text, max), `expected ${min} to ${max} characters`),
      z.refine((text) => text.isWellFormed(), 'expected no lone surrogates'),
    )
    .register(z.globalRegistry, { minLength: min, maxLength: max })
}

/**
 * An ISO 8601 date and time written out in full, with seconds and offset; null if the text is none. A text without an
 * offset is UTC, because the workers of a fleet may live in different time zones and must agree.
 */
export function fullIso(text: string): string | null {
  const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?$/.exec(text)
  if (!parts) return null
  const [, minutes, seconds = ':00', offset = 'Z'] = parts
  const full = `${minutes}${seconds}${offset}`
  return isoDateTime.safeParse(full).success ? full : null
}

const isoDateTime = z.iso.datetime({ offset: true })

const METADATA_MAX_BYTES = 4096

/** Where a result goes: on the result queue, or to whoever asks for it by the lookup id. */
export const DELIVERIES = ['queue', 'wait'] as const
export type Delivery = (typeof DELIVERIES)[number]

/** Infinity if the value is nested too deep for JSON to be written. JSON of any depth can be read. */
function bytesOfJson(value: unknown): number {
  try {
    return Buffer.byteLength(JSON.stringify(value))
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** Of W3C Trace Context: version, trace, span, flags. All zeros, and version ff, are none. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

export function isTraceparent(value: unknown): value is string {
  return typeof value === 'string' && TRACEPARENT.test(value)
}

const PRODUCER = /^[A-Za-z0-9._-]{1,64}$/

export const lookupSchema = z.object({
  connectionId: characters(1, 256).check(
    z.refine((text) => !CONTROL_CHARACTER.test(text) && !NOT_IN_XML.test(text), 'expected no control characters'),
  ),
  correlationId: z.optional(characters(0, 256)),
  /** Who asks: the name of a program, for whoever looks at the fleet. */
  producer: z.optional(
    z.string().check(z.regex(PRODUCER, 'expected a name of 1 to 64 characters of A-Z a-z 0-9 . _ -')),
  ),
  metadata: z.optional(
    z
      .record(z.string(), z.unknown())
      .check(z.refine((value) => bytesOfJson(value) <= METADATA_MAX_BYTES, 'expected at most 4 KiB of JSON')),
  ),
  expiresAt: z.optional(
    z.string().check(z.refine((text) => fullIso(text) !== null, 'expected an ISO 8601 date and time')),
  ),
  /** The trace that this lookup belongs to. */
  traceparent: z.optional(z.string().check(z.regex(TRACEPARENT, 'expected a traceparent of W3C Trace Context'))),
  /** `wait`: somebody waits for the result, and it never goes on the result queue. */
  deliver: z.optional(z.enum(DELIVERIES, 'expected queue or wait')),
})

/** What a producer puts into a lookup job. */
export type LookupData = z.infer<typeof lookupSchema>

/** A lookup as the pipeline carries it: the data, who it is, and when it was asked. */
export interface Lookup extends LookupData {
  lookupId: string
  /** Milliseconds since 1970: when the producer put it on the queue. */
  enqueuedAt: number
  /** When it was put on the queue last: the same, or when it was put back after it had ended. */
  askedAt: number
}

export type ParsedLookup = { ok: true; data: LookupData } | { ok: false; problem: string }

/**
 * Checks data that came from outside. The problem names the field, what was expected and what kind of thing was got,
 * never the value, because that may be a customer's.
 */
export function parseLookup(value: unknown): ParsedLookup {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { ok: false, problem: `lookup: expected an object with a connectionId, got ${kindOf(value)}` }
  }
  const parsed = lookupSchema.safeParse(withoutNulls(value))
  if (parsed.success) return { ok: true, data: parsed.data }
  const issue = parsed.error.issues[0]
  const field = String(issue?.path[0] ?? 'lookup')
  const expected =
    issue?.code === 'invalid_type' ? `expected ${nameOf(issue.expected)}` : (issue?.message ?? 'not valid')
  const got = (value as Record<string, unknown>)[field]
  return {
    ok: false,
    problem: `${field}: ${expected}${got === undefined ? '; it is missing' : `, got ${kindOf(got)}`}`,
  }
}

/** Some languages write null for what was not given (Python's None). */
function withoutNulls(value: object): object {
  const isGiven = (name: string) => value[name as never] !== null || name === 'connectionId'
  return Object.keys(value).every(isGiven)
    ? value
    : Object.fromEntries(Object.entries(value).filter(([name]) => isGiven(name)))
}

/** At most the first 256 characters of what could be read, for an `invalid` result. */
export function echo(value: unknown): string | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null
  return [...String(value).slice(0, 512)].slice(0, 256).join('').toWellFormed()
}

/** Zod's word for a type, as a person says it. */
function nameOf(type: string): string {
  return type === 'record' || type === 'object' ? 'an object' : `a ${type}`
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'string') return `a string of ${value.length} characters`
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
