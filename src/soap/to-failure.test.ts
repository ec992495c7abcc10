import { describe, expect, it } from 'vitest'
import type { ChatRequest, ServiceRecord } from '../domain/chat-request.ts'
import type { ResponseCodes } from '../domain/response-codes.ts'
import { ANSWER_TABLE } from './answer-table.ts'
import type { BodyEvidence, Evidence } from './evidence.ts'
import { judge, rowOf } from './to-failure.ts'

const UNSET: ResponseCodes = { enriched: null, notFound: null, retry: new Set(), hold: new Set() }
const CHAT = { idRequest: 7 } as ChatRequest
const ZEROS = { idRequest: 0 } as ChatRequest
const NO_ID = { idRequest: null } as ChatRequest

const answer = (status: number, body: BodyEvidence, retryAfterMs: number | null = null): Evidence => ({
  is: 'answer',
  status,
  retryAfterMs,
  body,
})
const fault = (code: string, ...subcodes: string[]): BodyEvidence => ({ is: 'fault', fault: { code, subcodes } })
const serviceRecord = (code: number | null, chatRequest: ChatRequest | null = null): ServiceRecord => ({
  response: code === null ? null : { code, description: 'texto', encryptedSymmetricKey: null },
  chatRequest,
})
const record = (code: number | null, chatRequest: ChatRequest | null = null): Evidence =>
  answer(200, { is: 'record', record: serviceRecord(code, chatRequest) })
const noAnswer = (errorCode: string): Evidence => ({ is: 'no-answer', errorCode })
const ok = (is: 'html' | 'empty' | 'cut-off' | 'timed-out' | 'too-large' | 'encoded') => answer(200, { is })
const bad = (is: 'unreadable' | 'dtd' | 'not-contract' | 'not-understood') => answer(200, { is, problem: 'ours' })

type Case = [evidence: Evidence, codes?: Partial<ResponseCodes>]
/** What a row must come to: an outcome's status, or a failure's class and code; then every case for it. */
const CASES: Record<string, { means: string; cases: Case[] }> = {
  'fault: version, header, encoding or action': {
    means: 'configuration soap-fault',
    cases: [
      ...['VersionMismatch', 'MustUnderstand', 'DataEncodingUnknown', 'ActionNotSupported'].map(
        (code): Case => [answer(500, fault(code))],
      ),
      [answer(500, fault('Sender', 'ActionNotSupported'))],
      [answer(400, fault('Client', 'Other', 'ActionNotSupported'))],
    ],
  },
  'fault: Client or Sender': {
    means: 'permanent soap-fault',
    cases: [200, 400, 401, 500, 503].flatMap((status): Case[] => [
      [answer(status, fault('Client', 'Auth'))],
      [answer(status, fault('Sender'), 5_000)],
    ]),
  },
  'fault: any other': {
    means: 'transient soap-fault',
    cases: ['Server', 'Receiver', 'Unknown', 'client', 'InvalidKey'].flatMap((code): Case[] => [
      [answer(500, fault(code))],
      [answer(200, fault(code, 'Client'))],
      [answer(404, fault(code))],
    ]),
  },
  'status: redirect': {
    means: 'configuration http-status',
    cases: [300, 301, 302, 303, 304, 307, 308, 399].map((status): Case => [answer(status, { is: 'html' }, 5_000)]),
  },
  'status: refused': {
    means: 'configuration http-status',
    cases: [401, 403, 404, 405, 407, 415].flatMap((status): Case[] => [
      [answer(status, { is: 'empty' })],
      [answer(status, { is: 'too-large' })],
      [answer(status, { is: 'record', record: serviceRecord(0, CHAT) })],
    ]),
  },
  'status: any other but 200': {
    means: 'transient http-status',
    cases: [201, 202, 204, 206, 400, 402, 406, 408, 410, 413, 425, 429, 500, 501, 502, 503, 504, 511, 599].flatMap(
      (status): Case[] => [
        [answer(status, { is: 'html' })],
        [answer(status, { is: 'timed-out' })],
        [answer(status, { is: 'dtd', problem: 'ours' })],
        [answer(status, { is: 'record', record: serviceRecord(0, CHAT) }), { hold: new Set([0]) }],
      ],
    ),
  },
  'code: hold': {
    means: 'configuration response-code',
    cases: [
      [record(9), { hold: new Set([9]) }],
      [record(9, CHAT), { hold: new Set([9]), retry: new Set([9]), notFound: new Set([9]), enriched: new Set([9]) }],
    ],
  },
  'code: retry': {
    means: 'transient response-code',
    cases: [
      [record(9), { retry: new Set([8, 9]) }],
      [record(9, CHAT), { retry: new Set([9]), notFound: new Set([9]), enriched: new Set([9]) }],
    ],
  },
  'code: not found': {
    means: 'not-found',
    cases: [
      [record(3), { notFound: new Set([3]) }],
      [record(3, ZEROS), { notFound: new Set([3]) }],
      [record(3, CHAT), { notFound: new Set([3]), enriched: new Set([3]) }],
    ],
  },
  'record: a ChatRequest': {
    means: 'enriched',
    cases: [
      [record(0, CHAT)],
      [record(17, CHAT)],
      [record(null, CHAT)],
      [record(-1, { ...CHAT, idRequest: -1 })],
      [record(0, CHAT), { enriched: new Set([0]), notFound: new Set([3]) }],
    ],
  },
  'record: no ChatRequest': {
    means: 'not-found',
    cases: [
      [record(null)],
      [record(0)],
      [record(3, ZEROS)],
      [record(3, NO_ID)],
      [record(3), { enriched: new Set([0]), hold: new Set([4]), retry: new Set([5]) }],
    ],
  },
  'record: any other': {
    means: 'permanent response-code',
    cases: [
      [record(4), { notFound: new Set([3]) }],
      [record(null), { notFound: new Set([3]) }],
      [record(4, ZEROS), { notFound: new Set() }],
      [record(4, CHAT), { enriched: new Set([0]) }],
      [record(null, CHAT), { enriched: new Set([0]) }],
    ],
  },
  'body: HTML': { means: 'configuration unreadable', cases: [[ok('html')]] },
  'body: header not understood': { means: 'configuration contract', cases: [[bad('not-understood')]] },
  'body: too large': { means: 'permanent-after-retry too-large', cases: [[ok('too-large')]] },
  'body: document type or not the contract': {
    means: 'permanent-after-retry contract',
    cases: [[bad('dtd')], [bad('not-contract')]],
  },
  'body: timed out': { means: 'transient timeout', cases: [[ok('timed-out')]] },
  'body: empty, cut off, encoded or unreadable': {
    means: 'transient unreadable',
    cases: [[ok('empty')], [ok('cut-off')], [ok('encoded')], [bad('unreadable')]],
  },
  'no call: settings': { means: 'configuration network', cases: [[noAnswer('SETTINGS_UNREADABLE')]] },
  'no answer: refused by the proxy': { means: 'configuration network', cases: [[noAnswer('PROXY_REFUSED')]] },
  'no answer: TLS': {
    means: 'configuration network',
    cases: [
      'CERT_HAS_EXPIRED',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
      'ERR_SSL_WRONG_VERSION_NUMBER',
      'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE',
      'ERR_OSSL_PEM_NO_START_LINE',
    ].map((code): Case => [noAnswer(code)]),
  },
  'no answer: timeout': {
    means: 'transient timeout',
    cases: ['CALL_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'].map((code): Case => [noAnswer(code)]),
  },
  'no answer: DNS': {
    means: 'transient network',
    cases: ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL'].map((code): Case => [noAnswer(code)]),
  },
  'no answer: connect': {
    means: 'transient network',
    cases: ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT'].map(
      (code): Case => [noAnswer(code)],
    ),
  },
  'no answer: not HTTP': {
    means: 'transient unreadable',
    cases: ['HPE_INVALID_CONSTANT', 'HTTPParserError', 'UND_ERR_HEADERS_OVERFLOW'].map(
      (code): Case => [noAnswer(code)],
    ),
  },
  'no answer: reset': {
    means: 'transient network',
    cases: ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].map((code): Case => [noAnswer(code)]),
  },
  'no answer: anything else': {
    means: 'transient network',
    cases: ['', 'Error', 'UND_ERR_CLOSED', 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC', 'ENEW'].map(
      (code): Case => [noAnswer(code)],
    ),
  },
}

const endOf = ([evidence, codes]: Case) => judge(evidence, { ...UNSET, ...codes })

describe('answer table', () => {
  it('has cases for every row', () => {
    expect(Object.keys(CASES)).toEqual(ANSWER_TABLE.map(({ name }) => name))
    for (const { cases } of Object.values(CASES)) expect(cases.length).toBeGreaterThan(0)
  })

  const all = Object.entries(CASES).flatMap(([name, { means, cases }]) =>
    cases.map((one) => [name, JSON.stringify(one[0]), means, one] as const),
  )
  it.each(all)('%s: %s is %s', (name, _evidence, means, one) => {
    const end = endOf(one)
    expect(rowOf(one[0], { ...UNSET, ...one[1] }).name).toBe(name)
    expect('outcome' in end ? end.outcome.status : `${end.failure.class} ${end.failure.code}`).toBe(means)
  })
})

describe('what goes with it', () => {
  const failureOf = (...one: Case) => {
    const end = endOf(one)
    if ('outcome' in end) throw new Error('expected a failure')
    return end
  }

  it('a fault tells its code, and its status unless that is 200', () => {
    expect(failureOf(answer(500, fault('Client', 'Auth'))).failure).toMatchObject({
      soapFaultCode: 'Client',
      httpStatus: 500,
    })
    expect(failureOf(answer(200, fault('Server'))).failure).not.toHaveProperty('httpStatus')
    expect(failureOf(answer(503, { is: 'empty' })).failure).not.toHaveProperty('soapFaultCode')
  })

  it('Retry-After counts only where waiting helps', () => {
    const retryAfterMs = (status: number, body: BodyEvidence = { is: 'empty' }) =>
      failureOf(answer(status, body, 5_000)).failure.retryAfterMs
    expect([429, 503, 500].map((status) => retryAfterMs(status))).toEqual([5_000, 5_000, 5_000])
    expect([302, 403].map((status) => retryAfterMs(status))).toEqual([undefined, undefined])
    expect(retryAfterMs(503, fault('Server'))).toBe(5_000)
    expect(retryAfterMs(503, fault('Client'))).toBeUndefined()
  })

  it('a record goes with every failure that has one', () => {
    expect(failureOf(record(4, CHAT), { enriched: new Set() }).record).toEqual(serviceRecord(4, CHAT))
    expect(failureOf(record(4), { retry: new Set([4]) }).record).toEqual(serviceRecord(4))
    expect(failureOf(record(4), { hold: new Set([4]) }).record).toEqual(serviceRecord(4))
    expect(failureOf(answer(500, { is: 'record', record: serviceRecord(0) })).record).toBeNull()
  })

  it('an outcome has the ChatRequest only if it is enriched', () => {
    expect(endOf([record(0, CHAT)])).toMatchObject({ outcome: serviceRecord(0, CHAT) })
    expect(endOf([record(3, ZEROS)])).toMatchObject({ outcome: { ...serviceRecord(3), chatRequest: null } })
  })

  it('the message is the problem of the body, where the body decided', () => {
    expect(failureOf(bad('not-contract')).failure.message).toBe('ours')
    expect(failureOf(answer(500, { is: 'unreadable', problem: 'ours' })).failure.message).not.toBe('ours')
  })
})
