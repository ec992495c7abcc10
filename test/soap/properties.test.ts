import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ChatRequest, ServiceRecord } from '../../src/domain/chat-request.ts'
import { readBody } from '../../src/soap/evidence.ts'
import { isXmlText } from '../../src/soap/request.ts'
import { judge } from '../../src/soap/to-failure.ts'
import { httpAnswer, recording } from '../recordings/recording.ts'
import { NO_CODES } from '../recordings/serve.ts'
import { heldBytes } from './heap.ts'
import { corpus, enrichedOtherwise, mutated } from './mutations.ts'
import { type Manner, write } from './writer.ts'

/** Of XML, less the CR: this writer does not try to carry more. */
const xmlText = fc
  .string({ unit: 'binary', maxLength: 40 })
  .map((text) => [...text].filter((character) => character !== '\r' && isXmlText(character)).join(''))
const text = fc.option(fc.oneof(xmlText, fc.constantFrom('', ' ', ']]>', '&amp;', '00123', '<b>', 'José 😀', 'true')))
const int = fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }))
const date = fc.option(
  fc
    .tuple(
      fc.date({ min: new Date('0002-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
      fc.constantFrom('', '.5', '.1234567'),
      fc.constantFrom('', 'Z', '-03:00', '+05:30'),
    )
    .map(([at, fraction, zone]) => `${at.toISOString().slice(0, 19)}${fraction}${zone}`),
)
const chatRequest: fc.Arbitrary<ChatRequest> = fc.record({
  idRequest: int,
  caseNumber: int,
  creationDate: date,
  idQueue: int,
  keepAliveRouterDate: date,
  assignAgentRouterDate: date,
  idConnection: int,
  idRequestTransfer: int,
  userName: text,
  userLastName: text,
  userEmail: text,
  userOffsetTime: int,
  encryptedChatRequestId: text,
})
const record: fc.Arbitrary<ServiceRecord> = fc.record({
  response: fc.option(fc.record({ code: int, description: text, encryptedSymmetricKey: text })),
  chatRequest: fc.option(chatRequest),
})
const manner: fc.Arbitrary<Manner> = fc.record({
  version: fc.constantFrom('1.1', '1.2'),
  prefix: fc.constantFrom('', 't', 'ns0', 'é'),
  nil: fc.boolean(),
  cdata: fc.boolean(),
  reversed: fc.boolean(),
  strangers: fc.boolean(),
})
const encoding = fc.constantFrom<[string | null, (xml: string) => Buffer]>(
  ['text/xml; charset=utf-8', (xml) => Buffer.from(xml)],
  ['text/plain', (xml) => Buffer.from(`\ufeff${xml}`)],
  [null, (xml) => Buffer.from(`\ufeff${xml}`, 'utf16le')],
  ['text/xml; charset=utf-16', (xml) => Buffer.from(`\ufeff${xml}`, 'utf16le').swap16()],
)

describe('any record', () => {
  it('written by an XML library that is not ours reads back identical', () => {
    fc.assert(
      fc.property(record, manner, encoding, (sent, how, [contentType, encode]) => {
        expect(readBody(httpAnswer(encode(write(sent, how)), contentType))).toEqual({ is: 'record', record: sent })
      }),
      { numRuns: 500 },
    )
  })
})

describe('a record that is kept', () => {
  it('does not keep its answer in memory', () => {
    const large = `<Photo>${'x'.repeat(1_000_000)}</Photo></ChatRequest>`
    const answer = httpAnswer(recording('ok-soap11.res').body.toString().replace('</ChatRequest>', large))
    const before = heldBytes()
    const kept = Array.from({ length: 50 }, () => readBody(answer))
    expect(heldBytes() - before).toBeLessThan(10_000_000)
    expect(kept.every(({ is }) => is === 'record')).toBe(true)
  })
})

describe('any bytes', () => {
  const status = (bytes: Uint8Array, contentType: string | null) => {
    const body = readBody(httpAnswer(bytes, contentType))
    const judgement = judge({ is: 'answer', status: 200, retryAfterMs: null, body }, NO_CODES)
    return 'outcome' in judgement ? judgement.outcome.status : judgement.failure.code
  }

  it('are an answer, and never enriched', () => {
    const types = fc.constantFrom(null, 'text/xml', 'text/html', 'text/xml; charset=utf-16', 'text/xml; charset=latin1')
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), types, (bytes, contentType) => {
        expect(['unreadable', 'contract']).toContain(status(bytes, contentType))
      }),
      { numRuns: 2_000 },
    )
  })

  it('a megabyte of changed answers: what is enriched is what sax reads in it too', () => {
    const seeds = corpus()
    let enriched = 0
    let bytes = 0
    for (let seed = 1; bytes < 1_000_000; seed++) {
      const answer = mutated(seeds, seed)
      bytes += answer.length
      const found = enrichedOtherwise(answer)
      if (found === 'enriched') enriched += 1
      expect(found, `seed ${seed}: ${JSON.stringify(answer.toString())}`).not.toBe('wrong')
    }
    expect(enriched).toBeGreaterThan(20)
  })
})
