/** How a lookup ended, as its own job keeps it when the result has been consumed: for whoever asks for its story. */

import type { Failure } from '../domain/failure.ts'
import type { Result, ResultStatus } from '../domain/result.ts'

/** What BullMQ keeps of a completed lookup; mostly no more than its status, because there may be millions. */
export interface KeptEnd {
  status: ResultStatus
  code?: string
  message?: string
  /** Left out: 1. Null: nobody knows. */
  calls?: number | null
  attempts?: number | null
}

export function keptOf({ status, calls, attempts }: Result, failure?: Failure): KeptEnd {
  if (!failure && calls === 1 && attempts === 1) return { status } // nearly every lookup
  const why = failure && { code: failure.code, message: failure.message }
  return { status, ...why, ...(calls !== 1 && { calls }), ...(attempts !== 1 && { attempts }) }
}

/** The end of a lookup that had its result from an earlier run: only the marker tells of that run. */
export function keptOfMarker(status: ResultStatus): KeptEnd {
  return { status, calls: null, attempts: null }
}

/** The failedReason of a lookup that gave up, for BullMQ's own tools. */
export function failedReasonOf({ calls, attempts }: Result, failure?: Failure): string {
  return `${failure?.code}: ${failure?.message} (calls: ${calls}, attempts: ${attempts})`
}

/** Null where it is not ours, as where BullMQ itself failed the lookup. */
export function readFailedReason(text: string | null): KeptEnd | null {
  const found = /^([a-z0-9-]+): (.*) \(calls: (\d+), attempts: (\d+)\)$/s.exec(text ?? '')
  if (!found) return null
  const [, code = '', message = '', calls, attempts] = found
  return { status: 'failed', code, message, calls: Number(calls), attempts: Number(attempts) }
}

/** With its calls and attempts; null where it is not ours. */
export function readKeptEnd(text: string | null): KeptEnd | null {
  try {
    const value = JSON.parse(text ?? 'null') as KeptEnd | null
    return typeof value?.status === 'string' ? { calls: 1, attempts: 1, ...value } : null
  } catch {
    return null
  }
}
