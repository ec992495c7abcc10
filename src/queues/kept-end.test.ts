import { expect, it } from 'vitest'
import type { Failure } from '../domain/failure.ts'
import type { Result } from '../domain/result.ts'
import { keptOf, keptOfMarker, readKeptEnd } from './kept-end.ts'

const failure: Failure = { code: 'soap-fault', class: 'permanent', reason: 'fault', message: 'a fault' }
const why = { code: 'soap-fault', message: 'a fault' }

it.each([
  [1, 1, undefined, '{"status":"enriched"}'],
  [0, 1, undefined, '{"status":"enriched","calls":0}'],
  [3, 2, undefined, '{"status":"enriched","calls":3,"attempts":2}'],
  [1, 2, failure, '{"status":"enriched","code":"soap-fault","message":"a fault","attempts":2}'],
])(
  'the end of a lookup with %d calls in %d attempts takes few bytes and says them',
  (calls, attempts, failed, text) => {
    const kept = JSON.stringify(keptOf({ status: 'enriched', calls, attempts } as Result, failed))
    expect(kept).toBe(text)
    expect(readKeptEnd(kept)).toEqual({ status: 'enriched', calls, attempts, ...(failed && why) })
  },
)

it('the end of a lookup of which only the marker tells has no calls and attempts', () => {
  const kept = readKeptEnd(JSON.stringify(keptOfMarker('enriched')))
  expect(kept).toEqual({ status: 'enriched', calls: null, attempts: null })
})

it.each([null, '', 'x', '7', '{"state":"x"}', 'null'])('%j is not ours', (text) => {
  expect(readKeptEnd(text)).toBeNull()
})
