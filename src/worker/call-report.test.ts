import { describe, expect, it } from 'vitest'
import type { CallEnd, Outcome } from '../domain/call-end.ts'
import type { ServiceRecord } from '../domain/chat-request.ts'
import type { Failure } from '../domain/failure.ts'
import { NOT_FOUND } from '../domain/hold.ts'
import { cureOf } from '../gate/hold-words.ts'
import { reportOf } from './call-report.ts'

const codes = { isKnown: (code: number) => code === 7 }
const withCode = (code: number | null): ServiceRecord['response'] => ({
  code,
  description: null,
  encryptedSymmetricKey: null,
})
const outcome = (status: Outcome['status'], code: number | null): CallEnd => ({
  outcome: { status, response: withCode(code), chatRequest: null },
})
const failed = (failure: Partial<Failure>, code: number | null = null): CallEnd => ({
  failure: { code: 'response-code', class: 'permanent', reason: 'response_code', message: 'refused', ...failure },
  record: code === null ? null : { response: withCode(code), chatRequest: null },
})
const said = (end: CallEnd) => reportOf(end, 'id', codes)

describe('what a call says to the fleet', () => {
  it('an answer: the service answers, and for this id', () => {
    expect(said(outcome('enriched', 0))).toEqual({ answered: true, kind: null, connectionId: 'id' })
    expect(said(outcome('not-found', 0))).toEqual({ answered: true, kind: NOT_FOUND, connectionId: 'id' })
  })

  it('a ChatRequest is no refusal, whatever its code', () => {
    expect(said(outcome('enriched', 5)).kind).toBeNull()
  })

  it.each([
    [5, 'code:5'],
    [-1, 'code:-1'],
    [0, NOT_FOUND],
    [7, NOT_FOUND],
    [null, NOT_FOUND],
  ])('nothing found, with code %s, is of kind %s', (code, kind) => {
    expect(said(outcome('not-found', code)).kind).toBe(kind)
  })

  it.each([
    [5, 'code:5'],
    [0, NOT_FOUND],
    [7, NOT_FOUND],
  ])('a refusal that found nothing, with code %s, is of kind %s, and no id to probe with', (code, kind) => {
    expect(said(failed({}, code))).toEqual({ answered: true, kind })
  })

  it('a fault is told apart by its code', () => {
    expect(said(failed({ soapFaultCode: 'Client' }))).toEqual({ answered: true, kind: 'fault:Client' })
    expect(said(failed({ soapFaultCode: 'Sender' }))).toEqual({ answered: true, kind: 'fault:Sender' })
  })

  it('what may pass: the service failed, and may ask for a pause', () => {
    expect(said(failed({ class: 'transient', httpStatus: 503 }))).toEqual({
      answered: false,
      kind: null,
      how: 'HTTP 503',
    })
    expect(said(failed({ class: 'transient', retryAfterMs: 500 }))).toMatchObject({ retryAfterMs: 500 })
  })

  it('what is no answer of the contract: the service answers all the same, without suspicion', () => {
    expect(said(failed({ class: 'permanent-after-retry', soapFaultCode: 'Client' }))).toEqual({
      answered: true,
      kind: null,
    })
  })

  it('what cannot be read: in which way, and what was read instead of what', () => {
    const message = 'expected a date, got a word'
    const contract = failed({ class: 'permanent-after-retry', reason: 'contract', message })
    expect(said(contract)).toEqual({ answered: true, kind: 'read:contract', says: message })
    const unreadable = failed({ class: 'transient', reason: 'unreadable', message })
    expect(said(unreadable)).toMatchObject({ answered: false, kind: 'read:unreadable', says: message })
    expect(said(failed({ class: 'permanent-after-retry', reason: 'too_large' })).kind).toBeNull()
  })

  it('a code’s description, on one line and cut', () => {
    const response = {
      code: 9,
      description: `Invalid\r\n\u0007 credentials ${'x'.repeat(200)}`,
      encryptedSymmetricKey: null,
    }
    const { says } = said({ outcome: { status: 'not-found', response, chatRequest: null } })
    expect(says).toMatch(/^Invalid credentials x+$/)
    expect(says).toHaveLength(100)
  })

  it('what cannot be the lookup’s fault: in our words, with the status', () => {
    const refused = failed({ class: 'configuration', message: 'credentials refused', httpStatus: 401 })
    const configuration = 'the service answers HTTP 401 to everybody'
    expect(said(refused)).toEqual({ answered: false, kind: null, connectionId: 'id', configuration })
    const fault = failed({ class: 'configuration', message: 'not understood', soapFaultCode: 'MustUnderstand' })
    expect(said(fault).configuration).toBe('the service answers SOAP fault MustUnderstand to everybody')
    expect(said(failed({ class: 'configuration', message: 'no TLS' })).configuration).toBe('no TLS')
  })
})

describe('what an operator is told to do if a suspicion is wrong', () => {
  it('names the code, and the command and the variable that accept it', () => {
    expect(cureOf({ reason: 'configuration', kind: 'code:5' })).toMatch(
      /release --accept-code 5\b.*SOAP_NOT_FOUND_CODES/,
    )
    expect(cureOf({ reason: 'configuration', kind: 'fault:Client' })).toContain('chat-enricher release')
  })
})
