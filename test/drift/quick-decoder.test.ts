import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { compileFunction } from 'node:vm'
import { expect, it } from 'vitest'
import { quickDecoder } from '../../scripts/quick-decoder.mjs'

const requireHere = createRequire(import.meta.url)
const file = requireHere.resolve('ioredis').replace(/built.*$/, 'built/resp/decoder.js')
const text = readFileSync(file, 'utf8')

interface Decoder {
  write(chunk: Buffer): void
}
type Kind = new (config: Record<string, unknown>) => Decoder

function compiled(source: string): Kind {
  const exports: { Decoder?: Kind } = {}
  compileFunction(source, ['exports', 'require'])(exports, createRequire(file))
  return exports.Decoder as Kind
}

/** What a decoder says to these chunks, in order. */
function said(Decoder: Kind, chunks: Buffer[]): unknown[] {
  const heard: unknown[] = []
  const hear = (what: string) => (value: unknown) => heard.push([what, value instanceof Error ? `${value}` : value])
  const decoder = new Decoder({
    getTypeMapping: () => ({ 36: Buffer }),
    ...{ onReply: hear('reply'), onErrorReply: hear('error'), onPush: hear('push') },
  })
  for (const chunk of chunks) decoder.write(chunk)
  return heard
}

const ANSWERS = Buffer.from(
  [
    '+OK\r\n',
    '-NOSCRIPT No matching script.\r\n',
    ':12\r\n:-7\r\n:+0\r\n',
    '$-1\r\n*-1\r\n*0\r\n$0\r\n\r\n',
    '$11\r\nJosé\r\n\u{1F600}\r\n',
    `$300\r\n${'x'.repeat(300)}\r\n`,
    '*3\r\n*2\r\n$4\r\ndata\r\n:1\r\n$-1\r\n*1\r\n-ERR in a list\r\n',
    '_\r\n#t\r\n,1.5\r\n,-1.25e3\r\n,inf\r\n(1234567890123456789\r\n',
    '=8\r\ntxt:text\r\n!5\r\nERR x\r\n%1\r\n+a\r\n:1\r\n~2\r\n:1\r\n:2\r\n>2\r\n+message\r\n$1\r\nx\r\n',
  ].join(''),
)

it('the decoder of the bundle says to every answer, however it is cut, what that of ioredis says', () => {
  const [theirs, quick] = [compiled(text), compiled(quickDecoder(text))]
  expect(said(quick, [ANSWERS])).toHaveLength(23)
  for (let first = 0; first <= ANSWERS.length; first++)
    for (const size of [1, 2, 3, 7, 50, ANSWERS.length]) {
      const cut = [ANSWERS.subarray(0, first), ANSWERS.subarray(first, first + size), ANSWERS.subarray(first + size)]
      const chunks = cut.filter(({ length }) => length > 0)
      expect(JSON.stringify(said(quick, chunks), shown)).toBe(JSON.stringify(said(theirs, chunks), shown))
    }
})

it('a decoder that is another one than we know stops the build', () => {
  expect(() => quickDecoder('class Decoder { #cursor = 0 }')).toThrow('run npm ci')
})

function shown(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  return value instanceof Set || value instanceof Map ? [...value] : value
}
