import { describe, expect, it } from 'vitest'
import type { ChatRequest } from './chat-request.ts'
import type { Failure } from './failure.ts'
import { resultOf } from './result.ts'

const SUBJECT = {
  lookupId: 'lk-1',
  connectionId: '12345',
  correlationId: null,
  producer: null,
  metadata: null,
  enqueuedAt: '2026-11-24T11:00:00.000Z',
  finishedAt: '2026-11-24T11:00:01.000Z',
  calls: 2,
  attempts: 1,
  timing: { waitedMs: 1, pacedMs: 2, calledMs: 3, delayedMs: 4, heldMs: 5 },
  redrive: 0,
}

const FAILURE: Failure = {
  code: 'soap-fault',
  class: 'transient',
  reason: 'fault',
  message: 'expected an answer, got a SOAP fault of the service',
  soapFaultCode: 'Server',
  httpStatus: 500,
  retryAfterMs: 1000,
}

describe('a result', () => {
  it('has every field of its contract, with null where nothing is known', () => {
    expect(resultOf(SUBJECT, 'not-found')).toEqual({
      version: 1,
      ...SUBJECT,
      status: 'not-found',
      chatRequest: null,
      response: null,
      failure: null,
      source: 'service',
      redrive: 0,
    })
  })

  it('carries what the service knows, to the letter', () => {
    const chatRequest = { idRequest: 7, userName: ' Inês ', userEmail: '' } as ChatRequest
    const response = { code: 0, description: '', encryptedSymmetricKey: '00x=' }
    expect(resultOf(SUBJECT, 'enriched', { chatRequest, response })).toMatchObject({ chatRequest, response })
  })

  it('tells of a failure what is for consumers, and nothing of how we judge it', () => {
    expect(resultOf(SUBJECT, 'failed', { failure: FAILURE }).failure).toEqual({
      code: 'soap-fault',
      message: 'expected an answer, got a SOAP fault of the service',
      soapFaultCode: 'Server',
      httpStatus: 500,
    })
  })

  it('leaves fault code and status out where there was none', () => {
    const { soapFaultCode: _, httpStatus: __, ...failure } = FAILURE
    const told = resultOf(SUBJECT, 'failed', { failure }).failure
    expect(Object.keys(told ?? {})).toEqual(['code', 'message'])
  })

  it('says the same after it has been JSON', () => {
    const result = resultOf({ ...SUBJECT, metadata: { a: [null] } }, 'failed', { failure: FAILURE })
    expect(JSON.parse(JSON.stringify(result))).toEqual(result)
  })
})
