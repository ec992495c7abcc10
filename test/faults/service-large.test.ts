import { type AddressInfo, createServer } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SHAPES } from '../bars/soap-shapes.ts'
import { SHIPPED_NODE_OPTIONS } from '../support/heap-limit.ts'
import { type Answer, CHAT } from '../support/scripted-service.ts'
import { forgetMostResident, mostResidentBytes, residentBytes } from './memory.ts'
import { PATIENT } from './outage.ts'
import { idle, isShort, type Rig, type RigWorker, startRig } from './rig.ts'
import { HEAD, pour, response } from './wire.ts'

const MEBI = 1_048_576
const MUCH = 50 * MEBI
const MOST_GROWTH = 20_000_000

let rig: Rig
let worker: RigWorker
const answers: Record<string, Answer> = {}

beforeAll(async () => {
  const env = { LOOKUP_ATTEMPTS: '2', LOOKUP_BACKOFF_MIN_MS: '20', LOOKUP_BACKOFF_MAX_MS: '100', CALL_RETRIES: '1' }
  rig = await startRig({ workers: 0, env: { ...env, BREAKER_MIN_CALLS: '1000', NODE_OPTIONS: SHIPPED_NODE_OPTIONS } })
  worker = await rig.startWorker()
  rig.service.script = ({ id }) => answers[id.slice(0, id.lastIndexOf('_'))] ?? CHAT
  // A process that has just started grows by itself.
  await rig.enqueue(500, 'warm')
  await rig.auditor.complete()
})
afterAll(() => rig.close())

/** One lookup of each answer beside good ones: what became of each, and what the worker grew by at most. */
async function answered(given: Record<string, Answer>) {
  Object.assign(answers, given)
  forgetMostResident(worker.pid)
  const before = residentBytes(worker.pid)
  const ids: [string, string][] = []
  for (const kind of Object.keys(given)) ids.push([kind, (await rig.enqueue(1, `${kind}_`))[0] ?? ''])
  const others = await rig.enqueue(50, 'beside')
  await rig.auditor.complete(180_000)
  await idle(rig)
  const ends = ids.map(([kind, id]) => [kind, rig.auditor.of(id).map(({ status, failure }) => failure?.code ?? status)])
  return {
    grownBy: mostResidentBytes(worker.pid) - before,
    ends: Object.fromEntries(ends) as Record<string, string[]>,
    othersEnriched: others.filter((id) => rig.auditor.of(id)[0]?.status === 'enriched').length,
  }
}

// Fails without: src/soap/transport.ts: maxResponseSize.
describe('50 MiB instead of an answer', () => {
  it('are cut off, and cost the worker little memory, the lookup its result, and the others nothing', async () => {
    const sent = { bytes: 0 }
    const poured = (head: string, piece = (bytes: Buffer) => bytes): Answer => ({
      say: 'wire',
      write: (socket) => {
        socket.write(head)
        pour(socket, MUCH, piece, sent)
      },
    })
    const chunk = (bytes: Buffer) => Buffer.from(`${bytes.length.toString(16)}\r\n${bytes}\r\n`)
    const { grownBy, ends, othersEnriched } = await answered({
      announced: poured(`${HEAD}Content-Length: ${MUCH}\r\n\r\n`),
      chunked: poured(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`, chunk),
      closing: poured(`${HEAD}Connection: close\r\n\r\n`),
      'in-one-line': poured(`${HEAD}X-Much: `),
      'more-than-announced': {
        say: 'wire',
        write: (socket, chat) => {
          socket.write(`${HEAD}Content-Length: ${chat.length}\r\n\r\n${chat}`)
          pour(socket, MUCH, (bytes) => bytes, sent)
        },
      },
      'less-than-announced': {
        say: 'wire',
        write: (socket) => socket.end(`${HEAD}Content-Length: ${MUCH}\r\n\r\n<a>`),
      },
    })
    expect(ends).toEqual({
      announced: ['too-large'],
      chunked: ['too-large'],
      closing: ['too-large'],
      'in-one-line': ['unreadable'],
      'more-than-announced': ['enriched'],
      'less-than-announced': ['unreadable'],
    })
    expect(othersEnriched).toBe(50)
    expect(grownBy).toBeLessThan(MOST_GROWTH)
    expect(sent.bytes).toBeLessThan(MUCH)
  })
})

// Fails without: src/soap/transport.ts: the refusal of a Content-Encoding.
describe('200 MB of zeros, packed', () => {
  it('are refused before a byte is unpacked or read, however they are packed', async () => {
    const bomb = gzipSync(Buffer.alloc(200_000_000))
    const packed = (encoding: string, body = bomb) =>
      response(body, undefined, undefined, `Content-Encoding: ${encoding}\r\n`)
    const answersRead = () => rig.metric('soap_response_bytes_count')
    await expect.poll(answersRead, PATIENT).toBeGreaterThan(0)
    const read = await answersRead()
    const from = rig.service.calls.length
    const { grownBy, ends, othersEnriched } = await answered({
      gzip: packed('gzip'),
      'X-GZIP': packed('X-GZIP'),
      nested: packed('gzip, gzip', gzipSync(bomb)),
      'of-another-name': packed('br'),
    })
    expect(Object.values(ends)).toEqual(Array.from({ length: 4 }, () => ['unreadable']))
    expect(othersEnriched).toBe(50)
    expect(grownBy).toBeLessThan(MOST_GROWTH)
    const good = rig.service.calls.slice(from).filter(({ id }) => !id.includes('_'))
    await expect.poll(answersRead, PATIENT).toBe(read + good.length)
  })
})

const SOAP = (before: string, body: string) =>
  `${before}<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${body}</s:Body></s:Envelope>`

/** Each ten times the one before. */
function laughs(): string {
  const levels = Array.from({ length: 9 }, (_, level) => `<!ENTITY l${level + 1} "${`&l${level};`.repeat(10)}">`)
  return SOAP(`<!DOCTYPE l [<!ENTITY l0 "ha">${levels.join('')}]>`, '&l9;')
}

/** Shapes that are one text, longer than any column of the service: read to the end, and not the contract. */
const LONG_TEXTS = [
  'text',
  'white space',
  'accents, two bytes each',
  ']',
  '>',
  'as many carriage returns as are allowed',
  'as many references as are allowed',
  'as many comments as are allowed',
  'one CDATA section',
]
/** Good answers among the shapes. */
const ONLY_LARGE = [
  'as many elements as are allowed',
  'elements of text',
  'tags of white space',
  'large values',
  'nested declarations with leaves',
]

describe('XML that is made to keep its reader busy', () => {
  // Fails without: src/soap/xml-scan.ts: MAX_PIECES
  it('gets each lookup its one result, while the worker tells that it is alive, and looks nothing up', async () => {
    let asked = 0
    const elsewhere = createServer((socket) => {
      asked++
      socket.destroy()
    })
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
    const { port } = elsewhere.address() as AddressInfo
    const url = `http://127.0.0.1:${port}/x.dtd`
    const all = Object.entries(SHAPES).map(
      ([name, make], number) => [`s${number}`, response(make(MEBI)), name] as const,
    )
    const shapes = isShort ? [] : all
    const bombs: Record<string, Answer> = {
      laughs: response(laughs()),
      'two-doctypes': response(SOAP('<!DOCTYPE a><!DOCTYPE b [<!ENTITY c "d">]>', '&c;')),
      'outside-dtd': response(SOAP(`<!DOCTYPE a SYSTEM "${url}">`, '')),
      'outside-entity': response(
        SOAP(`<!DOCTYPE a [<!ENTITY b SYSTEM "${url}"><!ENTITY % c SYSTEM "${url}">%c;]>`, '&b;'),
      ),
    }
    let alive = 0
    let mute = 0
    let over = false
    const asking = (async () => {
      while (!over) {
        const livez = await fetch(`${worker.url}/livez`, { signal: AbortSignal.timeout(30_000) }).catch(() => null)
        if (livez?.status === 200) alive++
        else mute++
      }
    })()
    const { ends, othersEnriched } = await answered({
      ...bombs,
      ...Object.fromEntries(shapes.map(([kind, answer]) => [kind, answer])),
    })
    over = true
    await asking
    elsewhere.close()
    for (const bomb of Object.keys(bombs)) expect({ bomb, ends: ends[bomb] }).toEqual({ bomb, ends: ['contract'] })
    const named = new Map(shapes.map(([kind, , name]) => [name, ends[kind]?.join()]))
    const enriched = [...named.keys()].filter((name) => named.get(name) === 'enriched')
    expect(enriched).toEqual(isShort ? [] : ONLY_LARGE)
    const longTexts = isShort ? [] : LONG_TEXTS
    expect(longTexts.filter((name) => named.get(name) !== 'contract')).toEqual([])
    expect(othersEnriched).toBe(50)
    expect(asked).toBe(0)
    expect(alive).toBeGreaterThan(0)
    expect(mute).toBe(0)
  })
})
