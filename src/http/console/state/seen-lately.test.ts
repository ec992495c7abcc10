import { expect, it } from 'vitest'
import { OUTCOME_OF } from '../../../domain/event.ts'
import { FAILURE_CODES } from '../../../domain/failure.ts'
import type { HistorySlice } from '../../../fleet/history.ts'
import { seenLately } from './seen-lately.ts'

const at = 10_000_000
const kind = (name: string, agoMs: number) => ({ kind: name, firstAt: 0, lastAt: at - agoMs, count: 1 })
const slice = (agoMs: number, calls: HistorySlice['calls']) => ({ at: at - agoMs, calls }) as HistorySlice

it('says which failures of that kind calls had in the last minutes', () => {
  const kinds = [kind('http:503', 5_000), kind('fault:Server', 60_000), kind('fault:Client', 90_000), kind('code:7', 1)]
  const slices = [
    slice(200_000, { timeout: 2 }),
    slice(100_000, { timeout: 0, network: 1 }),
    slice(10_000, { answer: 9 }),
  ]
  const seen = (wanted: Parameters<typeof seenLately>[0]) =>
    seenLately(wanted, { at, kinds, slices }).map(({ what, agoMs }) => `${what} ${agoMs}`)
  expect(seen({ failure: 'soap-fault', fault: 'Server' })).toEqual(['SOAP fault Server 60000'])
  expect(seen({ failure: 'soap-fault' })).toEqual(['SOAP fault Server 60000', 'SOAP fault Client 90000'])
  expect(seen({ failure: 'http-status', httpStatus: 500 })).toEqual([])
  expect(seen({ failure: 'response-code', responseCode: 7 })).toEqual(['responseCode 7 1'])
  expect(seen({ failure: 'timeout' })).toEqual(['no answer in time 200000'])
  expect(seen({ failure: 'poison' })).toEqual([])
  expect(seen({})).toHaveLength(6)
})

it.each(FAILURE_CODES.filter((code) => OUTCOME_OF[code] !== undefined))('knows calls that failed as %s', (failure) => {
  const slices = [slice(10_000, { [OUTCOME_OF[failure] as string]: 1 })]
  const kinds = [kind('fault:Server', 10_000), kind('http:503', 10_000)]
  expect(seenLately({ failure }, { at, kinds, slices })).toHaveLength(1)
})

it('says nothing of what was earlier', () => {
  const slices = [slice(301_000, { network: 3 })]
  expect(seenLately({}, { at, kinds: [kind('http:503', 301_000)], slices })).toEqual([])
})
