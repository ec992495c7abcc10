/** Judges a call by the first row of the answer table (answer-table.ts) that matches what it came to. */

import type { CallEnd } from '../domain/call-end.ts'
import type { Failure } from '../domain/failure.ts'
import type { ResponseCodes } from '../domain/response-codes.ts'
import { ANSWER_TABLE, type Row, type RowFailure } from './answer-table.ts'
import { type Evidence, faultNames, recordOf } from './evidence.ts'

export function rowOf(evidence: Evidence, codes: ResponseCodes): Row {
  return ANSWER_TABLE.find(({ matches }) => matches(evidence, codes)) as Row // the last row matches all
}

export function judge(evidence: Evidence, codes: ResponseCodes): CallEnd {
  const { means } = rowOf(evidence, codes)
  const record = recordOf(evidence)
  if (typeof means !== 'string') return { failure: complete(means, evidence), record }
  // Beside "not found", zeros or a leftover would be taken for a ChatRequest.
  const chatRequest = means === 'enriched' ? (record?.chatRequest ?? null) : null
  return { outcome: { status: means, response: record?.response ?? null, chatRequest } }
}

function complete({ obeysRetryAfter, message, ...failed }: RowFailure, evidence: Evidence): Failure {
  const [soapFaultCode] = faultNames(evidence)
  const answer = evidence.is === 'answer' ? evidence : null
  const responseCode = failed.code === 'response-code' ? recordOf(evidence)?.response?.code : null
  return {
    ...failed,
    message: typeof message === 'string' ? message : message(evidence),
    // If the body decided, its own problem is more exact than the row.
    ...(answer?.status === 200 && 'problem' in answer.body && { message: answer.body.problem }),
    ...(soapFaultCode !== undefined && { soapFaultCode }),
    ...(answer && answer.status !== 200 && { httpStatus: answer.status }),
    ...(typeof responseCode === 'number' && { responseCode }),
    ...(obeysRetryAfter && answer && answer.retryAfterMs !== null && { retryAfterMs: answer.retryAfterMs }),
  }
}
