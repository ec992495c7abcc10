import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Result } from '../../src/domain/result.ts'
import { type Answer, CHAT } from '../support/scripted-service.ts'
import { costsNothing, PATIENT, UNFORGIVING } from './outage.ts'
import { idle, isShort, type Rig, startRig } from './rig.ts'
import { FRAMINGS, response } from './wire.ts'

/** Nobody's name is like it. */
const CANARY = 'Zoraide Xavantina'
const SOAP = (body: string) =>
  `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${body}</s:Body></s:Envelope>`
const FAULT = (code: string) =>
  SOAP(`<s:Fault><faultcode>s:${code}</faultcode><faultstring>${CANARY}</faultstring></s:Fault>`)

const ERROR = '500 Internal Server Error'
const NO_ANSWERS: Record<string, Answer> = {
  garbage: response(`<s:Envelope><b>${CANARY}</s:Envelope>\x01`),
  nothing: response(''),
  text: response(`The chat of ${CANARY} is not there.`, 'text/plain'),
  json: response(JSON.stringify({ name: CANARY }), 'application/json'),
}
const OTHER_ANSWERS: Record<string, Answer> = {
  gzip: response(gzipSync(SOAP(CANARY)), undefined, undefined, 'Content-Encoding: gzip\r\n'),
  'fault-500': response(FAULT('Server'), undefined, ERROR),
  'fault-200': response(FAULT('Server')),
  'blame-500': response(FAULT('Client'), undefined, ERROR),
  'blame-200': response(FAULT('Client')),
  dtd: response(`<!DOCTYPE a [<!ENTITY b "${CANARY}">]>${SOAP('&b;')}`),
  stranger: response(SOAP(`<Other xmlns="urn:other">${CANARY}</Other>`)),
  binary: {
    say: 'wire',
    write: (socket, chat) =>
      socket.end(FRAMINGS.closing(chat).toString().replace('text/xml; charset=utf-8', 'application/octet-stream')),
  },
}
const PECULIAR: Record<string, Answer> = { ...NO_ANSWERS, ...OTHER_ANSWERS }

let rig: Rig

// Fails without: src/worker/charge.ts: 'charged' (garbage to gzip, and the Server faults); src/soap/client.ts: what it tells
// of the content type (good XML).
describe('an answer that is peculiar to one id', () => {
  const results = new Map<string, Result[]>()
  beforeAll(async () => {
    // Its calls are few, and a third of them fail: that is not to be taken for the service's failing.
    const env = { LOOKUP_BACKOFF_MIN_MS: '20', LOOKUP_BACKOFF_MAX_MS: '100', BREAKER_MIN_CALLS: '1000' }
    rig = await startRig({ workers: 1, env: { ...env, LOG_LEVEL: 'trace' } })
    rig.service.script = ({ id }) => PECULIAR[id.slice(0, id.lastIndexOf('_'))] ?? CHAT
    await rig.enqueue(1, 'known')
    await rig.auditor.complete()
    const ids = await Promise.all(Object.keys(PECULIAR).map((kind) => rig.enqueue(1, `${kind}_`)))
    await rig.enqueue(100)
    await rig.auditor.complete()
    await idle(rig)
    for (const [index, kind] of Object.keys(PECULIAR).entries())
      results.set(kind, rig.auditor.of(ids[index]?.[0] ?? ''))
  })
  afterAll(() => rig.close())

  it.each([...Object.keys(NO_ANSWERS), 'gzip'])('%s: fails after five attempts, once', (kind) => {
    expect(results.get(kind)).toMatchObject([{ status: 'failed', failure: { code: 'unreadable' }, attempts: 5 }])
  })

  it.each(['fault-500', 'fault-200'])('%s: fails after five attempts, once', (kind) => {
    const failure = { code: 'soap-fault', soapFaultCode: 'Server' }
    expect(results.get(kind)).toMatchObject([{ status: 'failed', failure, attempts: 5 }])
  })

  it.each(['blame-500', 'blame-200'])('%s: is rejected after one call', (kind) => {
    const failure = { code: 'soap-fault', soapFaultCode: 'Client' }
    expect(results.get(kind)).toMatchObject([{ status: 'rejected', failure, attempts: 1, calls: 1 }])
  })

  it.each(['dtd', 'stranger'])('%s: fails after one more call', (kind) => {
    expect(results.get(kind)).toMatchObject([{ status: 'failed', failure: { code: 'contract' }, calls: 2 }])
  })

  it('good XML under another content type is taken, and counted', async () => {
    expect(results.get('binary')).toMatchObject([{ status: 'enriched', calls: 1 }])
    await expect.poll(() => rig.metric('soap_unexpected_content_type_total'), PATIENT).toBe(1)
  })

  it('disturbs no lookup beside it', () => {
    const others = rig.auditor.results.filter(({ connectionId }) => connectionId?.startsWith('c'))
    expect(others).toHaveLength(100)
    expect(others.filter(({ status, attempts }) => status !== 'enriched' || attempts !== 1)).toEqual([])
  })

  it('is not in the log, and is told as one failure each', () => {
    const log = rig.workers.map((worker) => worker.log()).join('\n')
    expect(log).not.toContain('Zoraide')
    const told = rig.log().filter(({ msg }) => /^lookup (failed|rejected)/.test(String(msg)))
    expect(told.length).toBeGreaterThanOrEqual(5) // in one second there are no more of a kind
    expect(new Set(told.map(({ lookupId }) => lookupId)).size).toBe(told.length)
  })
})

describe('a service that sends everybody', () => {
  beforeAll(async () => {
    rig = await startRig({ workers: 1, env: { ...UNFORGIVING, LOG_LEVEL: 'trace' } })
  })
  afterAll(() => rig.close())

  const fault = (answer: Answer, reason: 'service' | 'configuration') =>
    costsNothing(rig, {
      begin: () => {
        rig.service.script = () => answer
      },
      end: () => {
        rig.service.script = () => CHAT
      },
      reason,
    })

  // Fails without: src/worker/charge.ts: what failed before a hold is free.
  it.each(Object.entries(NO_ANSWERS))('%s: is held for, and no lookup pays', (_kind, answer) =>
    fault(answer, 'service'),
  )

  // Fails without: src/soap/answer-table.ts: a redirect is the configuration's.
  it('to a login page, is held for until somebody mends it, and no lookup pays', () =>
    fault(response(CANARY, 'text/html', '302 Found', 'Location: /login\r\n'), 'configuration'))

  it('things that are in no log', () => {
    expect(rig.workers.map((worker) => worker.log()).join('\n')).not.toContain('Zoraide')
  })
})

describe('a service that fails one call in five', () => {
  // Fails without: src/worker/verdict.ts: quick.
  it.skipIf(isShort)('with a fault of its own, costs no lookup more than quick retries, and nobody holds', async () => {
    rig = await startRig({ workers: 1, env: { LOOKUP_BACKOFF_MIN_MS: '20', LOOKUP_BACKOFF_MAX_MS: '100' } })
    rig.service.script = (_call, number) => (number % 5 === 0 ? { say: 'fault', code: 'Server' } : CHAT)
    await rig.enqueue(300)
    expect(await rig.auditor.complete()).toMatchObject({ lost: [], duplicates: [], notEnriched: [] })
    const retries = () => rig.metric('lookup_retries_total', 'reason="fault"')
    await expect.poll(retries, PATIENT).toBeGreaterThanOrEqual(300 / 5)
    // A retry may be one in five again, a second one hardly ever.
    expect(rig.auditor.results.filter(({ attempts }) => attempts > 1).length).toBeLessThan(300 / 5 / 2)
    expect(await rig.metric('holds_total')).toBe(0)
    await rig.close()
  })
})
