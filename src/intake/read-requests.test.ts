import { Readable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { layoutOf } from './file-head.ts'
import { type FileFormat, type ReadRequest, readRequests } from './read-requests.ts'

async function read(text: string | Buffer, format: FileFormat | null = null, pieceSize = 1 << 16) {
  const bytes = Buffer.from(text as string)
  function* pieces() {
    for (let at = 0; at < bytes.length; at += pieceSize) yield bytes.subarray(at, at + pieceSize)
  }
  const all: ReadRequest[] = []
  for await (const one of readRequests(Readable.from(pieces()), format)) all.push(one)
  return all
}

const ids = (all: ReadRequest[]) => all.map((one) => ('request' in one ? one.request.connectionId : one.problem))
const problems = (all: ReadRequest[]) => all.filter((one) => 'problem' in one)
const fields = (all: ReadRequest[]) =>
  all.map((one) => ('request' in one ? JSON.parse(JSON.stringify({ line: one.line, ...one.request })) : one))

describe('a file of one id a line', () => {
  it('gives each id as it stands: spaces, zeros, tabs, commas and quotes kept', async () => {
    const wanted = [' 12 ', '007', 'a\tb', 'a,b;c', '"q"', 'é😀', 'a\u2028b', '\u00a0']
    expect(ids(await read(wanted.join('\n')))).toEqual(wanted)
  })

  it('has LF or CRLF, a byte order mark or none, and a newline at its end or none', async () => {
    for (const text of ['1\n2', '1\n2\n', '1\r\n2\r\n', '\uFEFF1\r\n2', '\n1\n\n2\n\n']) {
      expect(ids(await read(text))).toEqual(['1', '2'])
    }
  })

  it('numbers its lines as an editor does, empty ones included', async () => {
    expect((await read('a\n\nb\r\n\r\nc')).map(({ line }) => line)).toEqual([1, 3, 5])
  })

  it('may be empty', async () => {
    for (const nothing of ['', '\n', '\uFEFF', '\r\n\r\n']) expect(await read(nothing)).toEqual([])
  })

  it('may come in pieces that cut lines and characters anywhere', async () => {
    const text = '\uFEFF1\r\né😀\r\n\r\n3'
    for (let size = 1; size <= 7; size++) expect(ids(await read(text, null, size))).toEqual(['1', 'é😀', '3'])
  })

  it('has a line too long to be one reported, and goes on', async () => {
    const all = await read(`1\n${'x'.repeat(40_000)}\n3`, null, 1000)
    expect(ids(all)).toEqual(['1', 'expected at most 16384 bytes in a line, got more', '3'])
    expect(problems(all)[0]?.line).toBe(2)
  })

  it('has a line that is not UTF-8 reported, and goes on', async () => {
    const all = await read(Buffer.from('1\nM\xfcller\n3', 'latin1'))
    expect(ids(all)).toEqual(['1', 'expected text in UTF-8, got bytes that are not UTF-8', '3'])
  })

  it('is refused as a whole where it is compressed, or UTF-16', async () => {
    await expect(read(Buffer.from([0x1f, 0x8b, 8]))).rejects.toThrow('got a gzip file: pipe it through zcat')
    await expect(read(Buffer.from('\uFEFF1\n', 'utf16le'))).rejects.toThrow('got UTF-16: pipe it through iconv')
  })
})

describe('a CSV file', () => {
  const csv = (...rows: string[]) => rows.join('\n')

  it.each([',', ';', '\t'])('parted by %j has its fields by their header, others ignored', async (comma) => {
    const header = [
      'Note',
      ' connectionId ',
      'correlationId',
      'producer',
      'idempotencyKey',
      'expiresAt',
      'metadata',
    ].join(comma)
    const others = [',', ';', '\t'].filter((one) => one !== comma).join('')
    const row = ['x', `1${others}2`, 'c', 'crm', 'k', '2030-01-01T00:00:00Z', '"{""a"":[1]}"'].join(comma)
    expect(fields(await read(csv(header, row)))).toEqual([
      {
        line: 2,
        connectionId: `1${others}2`,
        correlationId: 'c',
        producer: 'crm',
        idempotencyKey: 'k',
        expiresAt: '2030-01-01T00:00:00Z',
        metadata: { a: [1] },
      },
    ])
  })

  it('has quoted values with commas, quotes and newlines in them, as they are', async () => {
    const all = await read('connectionId,correlationId\r\n" 1,2 ","a ""b""\r\n\r\nc"\r\n3,d\r\n')
    expect(fields(all)).toEqual([
      { line: 4, connectionId: ' 1,2 ', correlationId: 'a "b"\r\n\r\nc' },
      { line: 5, connectionId: '3', correlationId: 'd' },
    ])
  })

  it('may have a byte order mark, a quoted header, rows that are short, and one column only', async () => {
    expect(ids(await read('\uFEFF"correlationId";"connectionId"\r\nc;1\r\n"d";"2"\r\n'))).toEqual(['1', '2'])
    expect(ids(await read('connectionId,correlationId\n1\n2,\n'))).toEqual(['1', '2'])
    expect(ids(await read('connectionId\n1\n'))).toEqual(['1'])
    expect(await read('connectionId\n')).toEqual([])
  })

  it('takes what is empty for not given', async () => {
    expect(fields(await read('connectionId,correlationId\n1,\n,c'))).toEqual([
      { line: 2, connectionId: '1' },
      { line: 3, correlationId: 'c' },
    ])
  })

  it('has a row with too many values reported, not cut: its id may have been in two pieces', async () => {
    const all = await read('connectionId\n1,2\n3')
    expect(ids(all)).toEqual(['expected as many values as the header has columns, got more', '3'])
  })

  it('has a quote in the wrong place reported with its line, and loses no other line to it', async () => {
    const badQuote = 'expected a row of CSV, got a quote in the wrong place'
    const rows = ['1,a', '"2" x,b', '3,c', '4"5,d', '"6,e', '7,"f"', '"8,g', '9,h']
    const all = await read(csv('connectionId,correlationId', ...rows))
    expect(ids(all)).toEqual(['1', badQuote, '3', badQuote, badQuote, '7', badQuote, '9'])
    expect(all.map(({ line }) => line)).toEqual([2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('without the column is refused as a whole, and says none of what it has: that may be somebody’s data', async () => {
    const wanted = 'the file: expected a CSV header with a column connectionId, got 2 columns without it'
    await expect(read('12345,joao@example.com\n1,2', 'csv')).rejects.toThrow(new Error(wanted))
  })

  it.each([
    ['Connection ID,x', 'connectionId, got Connection ID'],
    ['connectionId,idempotency_key', 'idempotencyKey, got idempotency_key'],
    ['connectionId,ExpiresAt', 'expiresAt, got ExpiresAt'],
  ])('whose header is almost right (%s) is refused as a whole', async (header, wrong) => {
    await expect(read(`${header}\n1,2`)).rejects.toThrow(`the file: a column of its CSV header: expected ${wrong}`)
  })
})

describe('a file that begins with blank lines', () => {
  it.each([
    ['NDJSON', '\n  \r\n{"connectionId":"1"}\n', ['1']],
    ['CSV', '\n\nconnectionId,correlationId\n1,a\n', ['1']],
    ['ids', '\n1\n2\n', ['1', '2']],
  ])('is read as what comes after them: %s', async (_, text, expected) => {
    expect(ids(await read(text))).toEqual(expected)
  })

  it('or is a JSON array, is refused with what to do', async () => {
    await expect(read('[\n{"connectionId":"1"}\n]')).rejects.toThrow('got a JSON array: pipe it through jq -c ".[]"')
    expect(ids(await read('[1\n[2\n', 'lines'))).toEqual(['[1', '[2'])
  })
})

describe('an NDJSON file', () => {
  it('has a field that is almost one of ours reported, and null taken for nothing', async () => {
    const all = await read(
      '{"connectionId":"1","idempotency_key":"k"}\n{"connectionId":"2","metadata":null,"expiresAt":null}',
    )
    expect(all).toEqual([
      { line: 1, problem: 'a field: expected idempotencyKey, got idempotency_key' },
      { line: 2, request: { connectionId: '2' } },
    ])
  })

  it('gives its objects, and reports the lines that are none', async () => {
    const all = await read(
      [
        '{"connectionId":" 1 ","correlationId":"c\\u2028","metadata":{"a":null},"idempotencyKey":"k","other":1}',
        '',
        '[1]',
        'null',
        '"2"',
        '{"connectionId":"3"',
        '{"connectionId":"4\u2028"}',
      ].join('\r\n'),
    )
    const none = 'expected a JSON object with a connectionId, got something else'
    expect(fields(all)).toEqual([
      { line: 1, connectionId: ' 1 ', correlationId: 'c\u2028', metadata: { a: null }, idempotencyKey: 'k' },
      ...[3, 4, 5, 6].map((line) => ({ line, problem: none })),
      { line: 7, connectionId: '4\u2028' },
    ])
  })
})

describe('metadata that would come back changed', () => {
  it.each([
    ['{"a":12345678901234567890}', 'metadata: expected numbers'],
    ['{"a":1,"a":2}', 'metadata: expected each key once'],
    ['{"__proto__":1}', 'metadata: expected no key __proto__'],
  ])('is reported, whatever the file is: %s', async (metadata, problem) => {
    for (const text of [
      `{"connectionId":"1","metadata":${metadata}}`,
      `connectionId,metadata\n1,"${metadata.replaceAll('"', '""')}"`,
    ])
      expect(await read(text)).toMatchObject([{ problem: expect.stringContaining(problem) }])
  })
})

describe('the format', () => {
  const formatOf = (text: string) => layoutOf(text === '' ? [] : [{ line: 1, text }], null).format

  it('is told by the first line', () => {
    expect(formatOf(' {"connectionId":"1"}')).toBe('ndjson')
    expect(formatOf('a,connectionId')).toBe('csv')
    expect(formatOf('"Connection_ID";x')).toBe('csv')
    expect(formatOf('12345')).toBe('lines')
    expect(formatOf('')).toBe('lines')
  })

  it('can be said instead, for ids that look like something else', async () => {
    expect(ids(await read('{a}\nconnectionId', 'lines'))).toEqual(['{a}', 'connectionId'])
  })
})

describe('reading', () => {
  it('fails as the source fails, after what was read before', async () => {
    async function* source() {
      yield Buffer.from('1\n2\n')
      throw new Error('disk on fire')
    }
    const seen: ReadRequest[] = []
    const reading = (async () => {
      for await (const one of readRequests(Readable.from(source()), null)) seen.push(one)
    })()
    await expect(reading).rejects.toThrow('disk on fire')
    expect(ids(seen)).toEqual(['1', '2'])
  })

  it.each([
    ['lines', '123456789'],
    ['csv', '123456789,a b'],
    ['ndjson', '{"connectionId":"123456789"}'],
  ] as const)('300,000 lines of %s keeps no line, and reads no further ahead than it must', async (format, line) => {
    const block = Buffer.from(`${line}\n`.repeat(1000))
    let blocks = 0
    function* source() {
      if (format === 'csv') yield Buffer.from('connectionId,correlationId\n')
      for (; blocks < 300; blocks++) yield block
    }
    const heaps: number[] = []
    let count = 0
    let furthest = 0
    for await (const one of readRequests(Readable.from(source()), format)) {
      if ('request' in one) count++
      furthest = Math.max(furthest, blocks - count / 1000)
      if (count % 100_000 === 1) heaps.push(heapInUse())
    }
    expect(count).toBe(300_000)
    expect(furthest).toBeLessThan(32) // Node's own read-ahead is 16
    expect(Math.max(...heaps) - (heaps[0] as number)).toBeLessThan(5 * 1024 * 1024)
  })
})

/** What is really in use, garbage taken away. */
function heapInUse(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}
