import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { problemOfMetadata } from './exact-json.ts'

const withMetadata = (json: string) => problemOfMetadata(`{"connectionId":"c","metadata":${json}}`)

const TWICE = 'metadata: expected each key once in its object, got one twice: the first value would be lost'

describe('metadata as it would come back', () => {
  it.each([
    '{}',
    '{"a":1}',
    '{"a":1.50}',
    '{"a":1e3}',
    '{"a":-0.1}',
    '{"a":9007199254740992}',
    '{"a":"12345678901234567890"}',
  ])('%s stays what it is', (json) => expect(withMetadata(json)).toBeNull())

  it.each([
    '12345678901234567890',
    '9007199254740993',
    '-9223372036854775807',
    '0.12345678901234567890123',
    '1e400',
    '1E-400',
  ])('the number %s is refused by name, however deep it lies', (number) => {
    for (const json of [`{"a":${number}}`, `{"a":[{"b":${number}}]}`])
      expect(withMetadata(json)).toMatch(/^metadata: expected numbers .*: write it as a string$/)
    expect(problemOfMetadata(`{"metadata":{"a":"${number}"},"mine":${number}}`)).toBeNull()
  })

  it('with a key __proto__, however it is written, is refused by name', () => {
    for (const key of ['__proto__', '\\u005f_proto__'])
      expect(withMetadata(`{"a":{"${key}":{"b":1}}}`)).toBe('metadata: expected no key __proto__, got one')
    expect(withMetadata('{"a":"__proto__"}')).toBeNull()
  })

  it('is taken where a program wrote doubles, and refused where a 64-bit integer is none', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        expect(withMetadata(JSON.stringify({ number }))).toBeNull()
      }),
    )
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (number) => {
        expect(withMetadata(`{"a":${number}}`) === null).toBe(JSON.stringify(Number(number)) === String(number))
      }),
    )
  })

  it.each([
    '{"a":1,"a":2}',
    '{"a":1, "a" :1}',
    '{"b":[{"a":1,"c":{},"a":2}]}',
    '{"a":1,"\\u0061":2}',
    '{"a/b":1,"a\\/b":2}',
    '{"":1,"":2}',
    '{"1":1,"1":2}',
    '{"a:\\"":"\\":","a:\\"":{}}',
  ])('with a key twice in one object is refused by name: %s', (json) => {
    expect(withMetadata(json)).toBe(TWICE)
    expect(problemOfMetadata(`{"\\u006detadata":${json}}`)).toBe(TWICE)
    expect(problemOfMetadata(`{"metadata":{},"mine":${json}}`)).toBeNull()
  })

  it('is refused where a key of any object stands twice, however written, and only there', () => {
    const escaped = (key: string) =>
      `"${[...key].map((one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`
    const keys = fc.string({ unit: 'binary-ascii' }).filter((key) => key !== '__proto__')
    const objects = fc.dictionary(keys, fc.jsonValue({ maxDepth: 3 }), { minKeys: 1 })
    fc.assert(
      fc.property(objects, fc.boolean(), fc.nat(), fc.nat(2), (object, isEscaped, index, deep) => {
        const text = JSON.stringify(object)
        const within = (json: string) => `${'{"k":['.repeat(deep)}${json}${']}'.repeat(deep)}`
        expect(withMetadata(within(text))).not.toBe(TWICE)
        const key = Object.keys(object)[index % Object.keys(object).length] ?? ''
        const again = isEscaped ? escaped(key) : JSON.stringify(key)
        expect(withMetadata(within(`{${again}:0,${text.slice(1)}`))).toBe(TWICE)
      }),
    )
  })

  it('is judged also where it is none', () => {
    for (const text of ['null', '[12345678901234567890]', '"x"', '12345678901234567890'])
      expect(problemOfMetadata(text)).toBeNull()
  })
})
