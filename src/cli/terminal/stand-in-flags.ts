/** Reads the flags of `stand-in`, and rejects those that make no sense. */

import { readFile } from 'node:fs/promises'
import { InvalidArgumentError } from 'commander'
import {
  type AcceptedCredentials,
  FAULT_KINDS,
  type FaultKind,
  type Latency,
  type Outage,
  parseCredentials,
  type Refuse,
  type Rule,
} from '../../stand-in/stand-in.ts'
import { wholeNumber } from './positive.ts'
import { UsageError } from './usage-error.ts'

const MAX_LATENCY_MS = 600_000
const milliseconds = wholeNumber(0, MAX_LATENCY_MS)
const LATENCY = 'a number, a range as 20-200, or median=80,p99=900'

/** `80`, `20-200`, `median=80,p99=900`. */
export function latency(text: string): Latency {
  if (/^\d+$/.test(text)) return milliseconds(text)
  const limits = /^(?:(\d+)-(\d+)|median=([1-9]\d*),p99=(\d+))$/.exec(text)?.slice(1).filter(Boolean).map(milliseconds)
  const [least = 0, most = 0] = limits ?? []
  if (!limits || least > most) throw expected(`${LATENCY}, the smaller first`, text)
  return text.startsWith('median') ? { median: least, p99: most } : [least, most]
}

/** `REGEX=KIND` or `REGEX=KIND,KIND`. The last `=` counts, because a pattern may hold one. */
export function faultById(text: string, before: readonly Rule[] = []): Rule[] {
  const [id, faults] = kindsBehind(text, 'REGEX=KIND')
  try {
    new RegExp(id)
  } catch {
    throw expected('a regular expression before =', text)
  }
  return [...before, { id, faults }]
}

const DURATION = { ms: 1, s: 1000, m: 60_000 }

/** `30s..10s=hang`: after half a minute, for ten seconds. */
export function outage(text: string, before: readonly Outage[] = []): Outage[] {
  const [window, faults] = kindsBehind(text, 'AFTER..FOR=KIND')
  const [afterMs, forMs, ...more] = window.split('..').map(duration)
  if (afterMs === undefined || forMs === undefined || more.length > 0) throw expected('AFTER..FOR=KIND', text)
  return [...before, { afterMs, forMs, faults }]
}

/** `5000`, `5000ms`, `5s`, `2m`: to milliseconds. */
export function duration(text: string): number {
  const found = /^(\d+)(ms|s|m)?$/.exec(text)
  const ms = found ? Number(found[1]) * DURATION[(found[2] ?? 'ms') as keyof typeof DURATION] : Number.NaN
  if (ms < 2 ** 31) return ms
  throw expected('a duration of less than 24 days as 500ms, 5s or 2m', text)
}

/** `401`, `client-fault`, or a response code. */
export function refuse(text: string): Refuse {
  if (text === '401' || text === 'client-fault') return text
  const code = Number(text)
  if (/^-?\d+$/.test(text) && code >= -(2 ** 31) && code < 2 ** 31) return { responseCode: code }
  throw expected('401, client-fault or a response code', text)
}

export async function readCredentials(file: string): Promise<AcceptedCredentials> {
  try {
    return parseCredentials(await readFile(file, 'utf8'))
  } catch (error) {
    throw new UsageError(`--credentials ${file}: ${(error as Error).message}`)
  }
}

function kindsBehind(text: string, form: string): [before: string, kinds: FaultKind[]] {
  const equals = text.lastIndexOf('=')
  const kinds = text.slice(equals + 1).split(',') as FaultKind[]
  if (equals < 1) throw expected(form, text)
  const unknown = kinds.find((kind) => !FAULT_KINDS.includes(kind))
  if (unknown !== undefined) throw expected(`${form} with one of ${FAULT_KINDS.join(', ')}`, unknown)
  return [text.slice(0, equals), kinds]
}

function expected(what: string, got: string): InvalidArgumentError {
  return new InvalidArgumentError(`expected ${what}, got ${JSON.stringify(got)}`)
}
