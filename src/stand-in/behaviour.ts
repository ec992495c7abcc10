/** How the stand-in can be told to behave, and how that is checked. */

import { type AcceptedCredentials, checkCredentials, checkRefuse, type Refuse } from './access.ts'
import { type Check, CheckError, checkObject, checkThat, type Fields, isObject, sortOf, wrong } from './checks.ts'
import { FAULT_KINDS, type FaultKind } from './faults.ts'
import { checkLatency, isMilliseconds, type Latency } from './latency.ts'

/** Behaviour for some connection ids. A field that is missing is as for all other ids. */
export interface Rule {
  /** Regular expression; it may match anywhere in the id. One that takes longer than a second is switched off. */
  id: string
  latencyMs?: Latency
  /** Default 1 if there are `faults`. */
  faultRate?: number
  faults?: readonly FaultKind[]
  retryAfter?: string
}

/** For a while every call goes wrong, whatever its id. */
export interface Outage {
  /** Milliseconds from setting this until the outage begins. */
  afterMs: number
  forMs: number
  /** Taken in turn. */
  faults: readonly FaultKind[]
}

export interface Behaviour {
  latencyMs: Latency
  /** 0 to 1: share of the calls that go wrong. */
  faultRate: number
  /** The kinds of faults, taken in turn. */
  faults: readonly FaultKind[]
  /** Value of `Retry-After`, for the kinds that send it: seconds, or an HTTP date. */
  retryAfter: string
  /** The first rule that matches a connection id applies to it. */
  rules: readonly Rule[]
  outages: readonly Outage[]
  /** What requests must carry; null: anything is accepted. New ones have not expired. */
  credentials: AcceptedCredentials | null
  /** Milliseconds from setting this until everybody is refused, which ends when credentials are set. null: never. */
  credentialsExpireAfterMs: number | null
  refuse: Refuse
}

/** The service on a good day. */
export const CALM: Omit<Behaviour, 'credentials'> = {
  latencyMs: 0,
  faultRate: 0,
  faults: ['503'],
  retryAfter: '1',
  rules: [],
  outages: [],
  credentialsExpireAfterMs: null,
  refuse: { responseCode: 9 },
}

const checkRate = checkThat('a number from 0 to 1', (value) => typeof value === 'number' && value >= 0 && value <= 1)
const checkMilliseconds = checkThat('milliseconds, 0 or more', isMilliseconds)
const checkKinds = checkThat(
  `a list with one or more of ${FAULT_KINDS.join(', ')}`,
  (value) => Array.isArray(value) && value.length > 0 && value.every((kind) => FAULT_KINDS.includes(kind)),
)
const checkRetryAfter = checkThat(
  'seconds or an HTTP date, as text',
  (value) => typeof value === 'string' && /^[\x20-\x7e]+$/.test(value),
)
const checkPattern: Check = (value, where) => {
  if (typeof value !== 'string') throw wrong(where, 'a regular expression, as text', value)
  try {
    new RegExp(value)
  } catch {
    throw wrong(where, 'a regular expression', value)
  }
}

const FOR_A_CALL = {
  latencyMs: checkLatency,
  faultRate: checkRate,
  faults: checkKinds,
  retryAfter: checkRetryAfter,
} satisfies Fields
const RULE: Fields = { id: checkPattern, ...FOR_A_CALL }
const OUTAGE: Fields = { afterMs: checkMilliseconds, forMs: checkMilliseconds, faults: checkKinds }
const BEHAVIOUR: Fields = {
  ...FOR_A_CALL,
  rules: listOf(RULE, ['id']),
  outages: listOf(OUTAGE, ['afterMs', 'forMs', 'faults']),
  credentials: orNull(checkCredentials),
  credentialsExpireAfterMs: orNull(checkMilliseconds),
  refuse: checkRefuse,
} satisfies Record<keyof Behaviour, Check>

function orNull(check: Check): Check {
  return (value, where) => {
    if (value !== null) check(value, where)
  }
}

function listOf(fields: Fields, required: readonly string[]): Check {
  return (value, where) => {
    if (!Array.isArray(value)) throw wrong(where, 'a list', value)
    value.forEach((each: unknown, index) => {
      const place = `${where}[${index}]`
      if (!isObject(each)) throw wrong(place, `an object with ${required.join(', ')}`, each)
      checkObject(each, place, fields, required)
    })
  }
}

export const BEHAVIOUR_NAMES = Object.keys(BEHAVIOUR) as (keyof Behaviour)[]

/** Checks any value, e.g. the JSON that somebody sent. Throws CheckError. */
export function checkBehaviour(value: unknown): Partial<Behaviour> {
  // Not shown, because it may hold credentials.
  if (!isObject(value)) throw new CheckError(`the behaviour: expected an object, got ${sortOf(value)}`)
  checkObject(value, 'the behaviour', BEHAVIOUR, [], (_, name) => name)
  return value
}
