import { expect, it } from 'vitest'
import type { Failure } from '../domain/failure.ts'
import { type Result, type ResultStatus, resultOf } from '../domain/result.ts'
import { noTime } from '../domain/timing.ts'
import { failedReasonOf, keptOf, keptOfMarker, keptTiming, readEnd } from './kept-end.ts'

const FAULT: Failure = {
  code: 'soap-fault',
  class: 'permanent',
  reason: 'fault',
  message: 'a fault',
  soapFaultCode: 'Server',
  httpStatus: 500,
}
const CODE: Failure = {
  code: 'response-code',
  class: 'transient',
  reason: 'response_code',
  message: 'm',
  responseCode: 7,
}
const record = (code: number | null) => ({
  chatRequest: null,
  response: { code, description: null, encryptedSymmetricKey: null },
})

function ended(
  status: ResultStatus,
  [calls, attempts]: [number, number],
  known: Parameters<typeof resultOf>[2],
): Result {
  const about = {
    lookupId: 'l',
    connectionId: 'c',
    correlationId: null,
    producer: null,
    metadata: null,
    enqueuedAt: '',
    finishedAt: '',
    timing: noTime(),
    redrive: 0,
  }
  return resultOf({ ...about, calls, attempts }, status, known)
}

it.each<[string, Result, Failure | undefined]>([
  ['{"status":"enriched"}', ended('enriched', [1, 1], record(0)), undefined],
  ['{"status":"enriched","responseCode":3}', ended('enriched', [1, 1], record(3)), undefined],
  ['{"status":"enriched","calls":0}', ended('enriched', [0, 1], {}), undefined],
  ['{"status":"enriched","calls":3,"attempts":2}', ended('enriched', [3, 2], {}), undefined],
  ['{"status":"enriched","redrive":2}', { ...ended('enriched', [1, 1], {}), redrive: 2 }, undefined],
  ['{"status":"not-found"}', ended('not-found', [1, 1], record(0)), undefined],
  ['{"status":"not-found","responseCode":4}', ended('not-found', [1, 1], record(4)), undefined],
  [
    '{"status":"failed","code":"soap-fault","fault":"Server","httpStatus":500,"message":"a fault","calls":15,"attempts":5}',
    ended('failed', [15, 5], { failure: FAULT }),
    FAULT,
  ],
  [
    '{"status":"rejected","code":"response-code","message":"m","responseCode":9}',
    ended('rejected', [1, 1], { ...record(9), failure: CODE }),
    CODE,
  ],
  // Spent by an earlier attempt: the result has no answer in it, and the failure remembers the code.
  [
    '{"status":"failed","code":"response-code","message":"m","responseCode":7,"attempts":2}',
    ended('failed', [1, 2], { failure: CODE }),
    CODE,
  ],
])('what is kept is as short as it can be, and says it all: %s', (text, result, failure) => {
  const kept = keptOf(result, failure)
  expect(JSON.stringify(kept)).toBe(text)
  const { calls, attempts } = result
  for (const values of [[text], [null, text], [undefined, text, 'other: words (calls: 7, attempts: 7)']])
    expect(readEnd(values)).toEqual({ calls, attempts, ...kept })
})

it.each<[string, Partial<Result['timing']>]>([
  ['{"status":"enriched","times":[12,0,5,43]}', { waitedMs: 12, pacedMs: 5, calledMs: 43 }],
  [
    '{"status":"enriched","calls":2,"times":[12,7,5,43,900]}',
    { waitedMs: 12, heldMs: 7, pacedMs: 5, calledMs: 43, delayedMs: 900 },
  ],
  ['{"status":"enriched"}', {}],
])('so is where its time went: %s', (text, spent) => {
  const timing = { ...noTime(), ...spent }
  const kept = keptOf({ ...ended('enriched', [spent.delayedMs ? 2 : 1, 1], {}), timing })
  expect(JSON.stringify(kept)).toBe(text)
  expect(keptTiming(readEnd([text]))).toEqual(kept.times ? timing : null)
})

it('the end of a dead letter of an earlier version is read from its sentence', () => {
  const sentence = failedReasonOf(keptOf(ended('failed', [15, 5], { failure: FAULT }), FAULT))
  expect(sentence).toBe('soap-fault: a fault (calls: 15, attempts: 5)')
  const end = { status: 'failed', code: 'soap-fault', message: 'a fault', calls: 15, attempts: 5 }
  expect(readEnd([null, null, sentence])).toEqual(end)
})

it('the end of a lookup of which only the marker tells has no calls and attempts', () => {
  const kept = readEnd([JSON.stringify(keptOfMarker('enriched'))])
  expect(kept).toEqual({ status: 'enriched', calls: null, attempts: null })
})

it.each([null, '', 'x', '7', '{"state":"x"}', 'null', 'job stalled more than allowable limit'])(
  '%j is not ours',
  (text) => {
    expect(readEnd([text, text, text])).toBeNull()
  },
)
