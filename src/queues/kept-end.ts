/**
 * How a lookup ended, as data: for its story and for selections, whether or not the result was consumed. A finished one has
 * it as BullMQ's returnvalue, on its job or in what is kept of it since (finished-lookups.ts). A dead letter has it in
 * END_FIELD, and as a sentence in BullMQ's failedReason for BullMQ's own tools. The script that publishes the result writes both with it.
 */

import type { Failure } from '../domain/failure.ts'
import type { Result, ResultStatus } from '../domain/result.ts'
import { PHASES, type Timing } from '../domain/timing.ts'
import { END_FIELD } from '../redis/names.ts'
import { FIELDS } from './bull-layout.ts'

/** Mostly no more than its status, because there may be millions. */
export interface KeptEnd {
  status: ResultStatus
  code?: string
  /** The SOAP fault's code, and the HTTP status, if the last answer had one. */
  fault?: string
  httpStatus?: number
  /** What the service said. Left out of an enriched one: 0; of any other: nothing, or 0. */
  responseCode?: number
  message?: string
  /** Left out: 1. Null: nobody knows. */
  calls?: number | null
  attempts?: number | null
  /** Left out: 0. */
  redrive?: number
  /** Where its time went, ms, in the order of PHASES; the last ones are left out where they are 0. Left out: nobody knows. */
  times?: number[]
}

export function keptOf(result: Result, failure?: Failure): KeptEnd {
  const { status, calls, attempts, redrive } = result
  const times = timesOf(result.timing)
  const responseCode = result.response?.code ?? failure?.responseCode
  // Nearly every lookup.
  if (status === 'enriched' && calls === 1 && attempts === 1 && !redrive && !responseCode)
    return times ? { status, times } : { status }
  return {
    status,
    ...(result.failure && whyOf(result.failure)),
    ...(responseCode && { responseCode }),
    ...(calls !== 1 && { calls }),
    ...(attempts !== 1 && { attempts }),
    ...(redrive > 0 && { redrive }),
    ...(times && { times }),
  }
}

/** Nearly no lookup is delayed. */
function timesOf({ waitedMs, heldMs, pacedMs, calledMs, delayedMs }: Timing): number[] | undefined {
  if (delayedMs > 0) return [waitedMs, heldMs, pacedMs, calledMs, delayedMs]
  return waitedMs + heldMs + pacedMs + calledMs > 0 ? [waitedMs, heldMs, pacedMs, calledMs] : undefined
}

/** Null: nobody knows, as of a lookup that an earlier version has ended. */
export function keptTiming(kept: KeptEnd | null): Timing | null {
  if (!Array.isArray(kept?.times)) return null
  const ms = PHASES.map((phase, n) => [`${phase}Ms`, Number(kept.times?.[n]) || 0] as const)
  return Object.fromEntries(ms) as unknown as Timing
}

function whyOf({ code, soapFaultCode, httpStatus, message }: NonNullable<Result['failure']>): Partial<KeptEnd> {
  return {
    code,
    ...(soapFaultCode !== undefined && { fault: soapFaultCode }),
    ...(httpStatus !== undefined && { httpStatus }),
    message,
  }
}

/** The end of a lookup that had its result from an earlier run: only the marker tells of that run. */
export function keptOfMarker(status: ResultStatus): KeptEnd {
  return { status, calls: null, attempts: null }
}

/** The failedReason of a lookup that gave up, for BullMQ's own tools. */
export function failedReasonOf({ code, message, calls = 1, attempts = 1 }: KeptEnd): string {
  return `${code}: ${message} (calls: ${calls}, attempts: ${attempts})`
}

/** The fields of a job's hash that say how the lookup ended. */
export const ENDED_FIELDS = [FIELDS.returned, END_FIELD, FIELDS.failedReason] as const

/** From the values of ENDED_FIELDS. With its calls and attempts; null: it has not ended, or by no hand of ours. */
export function readEnd([returned, end, failedReason]: (string | null | undefined)[]): KeptEnd | null {
  return readKeptEnd(returned) ?? readKeptEnd(end) ?? readFailedReason(failedReason)
}

/** Dead letters of an earlier version have nothing else. */
function readFailedReason(text: string | null | undefined): KeptEnd | null {
  const found = /^([a-z0-9-]+): (.*) \(calls: (\d+), attempts: (\d+)\)$/s.exec(text ?? '')
  if (!found) return null
  const [, code = '', message = '', calls, attempts] = found
  return { status: 'failed', code, message, calls: Number(calls), attempts: Number(attempts) }
}

function readKeptEnd(text: string | null | undefined): KeptEnd | null {
  try {
    const value = JSON.parse(text || 'null') as KeptEnd | null
    return typeof value?.status === 'string' ? { calls: 1, attempts: 1, ...value } : null
  } catch {
    return null
  }
}
