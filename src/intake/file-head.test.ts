import { Readable } from 'node:stream'
import { deflateRawSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type FileFormat, type ReadRequest, readRequests } from './read-requests.ts'

async function read(text: string | Buffer, format: FileFormat | null = null): Promise<ReadRequest[]> {
  const all: ReadRequest[] = []
  for await (const one of readRequests(Readable.from([Buffer.from(text as string)]), format)) all.push(one)
  return all
}

const ids = (all: ReadRequest[]) => all.flatMap((one) => ('request' in one ? [one.request.connectionId] : []))
const skipped = (all: ReadRequest[]) => all.flatMap((one) => ('problem' in one ? [one.line] : []))

const DELIMITERS = [',', ';', '\t', '|']
const word = fc
  .stringMatching(/^[A-Za-zÀ-ú]{1,12}( [A-Za-z0-9]{1,8}){0,2}$/)
  .filter((text) => !/connection|^sep|^ids?$/i.test(text))
const digits = fc.stringMatching(/^\d{3,11}$/)
const customer = fc.oneof(word, digits)
const delimiter = fc.constantFrom(...DELIMITERS)
const lineEnd = fc.constantFrom('\n', '\r\n')

/** A table as spreadsheets write them: perhaps titles, `sep=`, a header with other people's columns around ours. */
const table = fc.record({
  delimiter,
  lineEnd,
  titles: fc.array(word, { maxLength: 4 }),
  hasSeparator: fc.boolean(),
  before: fc.array(word, { maxLength: 3 }),
  after: fc.array(word, { maxLength: 3 }),
  ids: fc.array(digits, { minLength: 1, maxLength: 30 }),
  value: customer,
})

describe('a table', () => {
  it('with a header gives the ids of its column and nothing else, whatever stands above it', async () => {
    await fc.assert(
      fc.asyncProperty(
        table,
        async ({ delimiter, lineEnd, titles, hasSeparator, before, after, ids: wanted, value }) => {
          const above = [...(hasSeparator ? [`sep=${delimiter}`] : []), ...titles]
          const header = [...before, 'connectionId', ...after].join(delimiter)
          const rows = wanted.map((id) => [...before.map(() => value), id, ...after.map(() => value)].join(delimiter))
          const all = await read([...above, header, ...rows].join(lineEnd))
          expect(ids(all)).toEqual(wanted)
          expect(skipped(all)).toEqual(titles.map((_, index) => index + (hasSeparator ? 2 : 1)))
        },
      ),
    )
  })

  it('without a header is refused before one value of it is an id, whatever stands above it', async () => {
    await fc.assert(
      fc.asyncProperty(
        table,
        fc.array(customer, { minLength: 2, maxLength: 5 }),
        async ({ delimiter, lineEnd, titles, hasSeparator, ids: many }, values) => {
          const above = [...(hasSeparator ? [`sep=${delimiter}`] : []), ...titles]
          const rows = many.map((id) => [...values, id].join(delimiter))
          await expect(read([...above, ...rows].join(lineEnd))).rejects.toThrow(/^the file: expected/)
        },
      ),
    )
  })

  it('that begins further down than we look is no id a line either: its rows are reported, the ids above it read', async () => {
    await fc.assert(
      fc.asyncProperty(
        table,
        fc.integer({ min: 20, max: 60 }),
        fc.array(customer, { minLength: 2, maxLength: 5 }),
        async ({ delimiter, lineEnd, ids: many, hasSeparator }, above, values) => {
          const first = Array.from({ length: above }, (_, index) => `id${index}`)
          const header = hasSeparator ? [['connectionId', ...values].join(delimiter)] : []
          const rows = [...header, ...many.map((id) => [...values, id].join(delimiter))]
          const text = [...first, ...rows].join(lineEnd)
          const all = await read(text)
          expect(ids(all)).toEqual(first)
          expect(skipped(all)).toEqual(rows.map((_, index) => above + index + 1))
          expect(JSON.stringify(all.filter((one) => 'problem' in one))).not.toContain(values.join(delimiter))
          expect(ids(await read(text, 'lines'))).toEqual([...first, ...rows])
        },
      ),
    )
  })

  it.each(['id', 'ID', 'Connection IDs', 'ChatConnectionIDBD', 'idConnection'])(
    '%s is a name of the column, and no id',
    async (name) => {
      await expect(read(`${name}\n4711\n`)).rejects.toThrow(`expected connectionId, got ${name}`)
      expect(ids(await read(`${name}\n4711\n`, 'lines'))).toEqual([name, '4711'])
      expect(ids(await read(`${name === 'ID' ? 'Id' : 'ID'};connectionId\n1;4711\n`))).toEqual(['4711'])
    },
  )

  it('without a header is one id a line where somebody says so', async () => {
    expect(ids(await read('1;a\n2;b\n', 'lines'))).toEqual(['1;a', '2;b'])
  })

  it.each(['"1"\n"2"\n', '<html>\n', '1,2\n', '1|2\n', 'title\n\nJoão;123\n'])(
    '%j is none of one id a line',
    async (text) => {
      await expect(read(text)).rejects.toThrow(/--format lines/)
      await expect(read(text)).rejects.not.toThrow(/João|123/)
    },
  )

  it('may have a quoted sep= line, and blank lines around it', async () => {
    expect(ids(await read('\uFEFF"sep=;"\r\n\r\nNome;connectionId\r\nJoão;1\r\n'))).toEqual(['1'])
    expect(ids(await read('SEP=|\nNome|connectionId\nJoão, Maria|1\n'))).toEqual(['1'])
    await expect(read('sep=;\nNome;CPF\nJoão;1\n')).rejects.toThrow('got 2 columns without it')
  })

  it('with two columns of one name of ours is refused: which is meant, nobody knows; others may be named alike', async () => {
    await expect(read('connectionId;x;connectionId\n1;2;3\n')).rejects.toThrow(
      'expected one column connectionId in its CSV header, got several',
    )
    expect(ids(await read('connectionId;x;x;;\n1;2;3;;\n'))).toEqual(['1'])
  })

  it("whose column has the service's name is refused, and a name that holds data is not shown", async () => {
    await expect(read('IdConnection;x\n1;2\n')).rejects.toThrow('expected connectionId, got IdConnection')
    await expect(read(`connection 12345678900 id;x\n1;2\n`)).rejects.toThrow(/got a name that is almost that$/)
  })

  it('has accents of any encoding in columns that we do not read, and in ours is told', async () => {
    const bytes = Buffer.from('Código;connectionId;correlationId\nJoão;1;a\nMüller;2;São\nX;3;b\n', 'latin1')
    const all = await read(bytes)
    expect(ids(all)).toEqual(['1', '3'])
    expect(all[1]).toEqual({ line: 3, problem: 'expected text in UTF-8, got bytes that are not UTF-8' })
    const json = Buffer.from('{"connectionId":"1","name":"João"}\n{"connectionId":"2ã"}\n', 'latin1')
    expect(ids(await read(json))).toEqual(['1'])
  })

  it('names the last line of a row that goes on over several, so that going on behind it cuts no text', async () => {
    const all = await read('connectionId,metadata\n1,"{""note"":\n\n""a text""}"\n2,\n')
    expect(all.map(({ line }) => line)).toEqual([4, 5])
  })
})

describe('an NDJSON line', () => {
  it('with a long name that is almost one of ours does not have it repeated', async () => {
    const name = `connection${'0123456789'.repeat(1000)}Id`
    const [first] = await read(`{"${name}":"1"}\n`)
    expect(first).toEqual({ line: 1, problem: 'a field: expected connectionId, got a name that is almost that' })
  })
})

describe('a binary file', () => {
  const body = Buffer.from('PK\u0003\u0004 chats\n1\n2\n', 'latin1')
  const zip = Buffer.concat([body, deflateRawSync(Buffer.from('1\n2\n3\n'.repeat(100)))])

  it.each<[string, Buffer]>([
    ['an xlsx', zip],
    ['a gzip', gzipSync('1\n2\n')],
    ['an xls', Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0x0a, 0x31, 0x0a])],
    ['a bzip2', Buffer.from('BZh91AY\n1\n')],
    ['an empty zip', Buffer.from('PK\u0005\u0006\n1\n')],
    ['a 7-Zip', Buffer.from("7z\xbc\xaf'\x1c\n1\n", 'latin1')],
    ['a Parquet', Buffer.from('PAR1\x15\n1\n')],
    ['a RAR', Buffer.from('Rar!\x1a\x07\n1\n')],
    ['a PDF', Buffer.from('%PDF-1.7\n1\n')],
    ['UTF-16 without a mark', Buffer.from('1\n2\n', 'utf16le')],
    ['zero bytes further on', Buffer.from('1\n2\n3\u0000\n')],
  ])('is refused whole, whatever format is said: %s', async (_, bytes) => {
    for (const format of [null, 'lines', 'csv', 'ndjson'] as const) {
      await expect(read(bytes, format)).rejects.toThrow(/^the file: expected text in UTF-8, got/)
    }
  })
})
