import { describe, expect, it } from 'vitest'
import { echo, fullIso, parseLookup } from './lookup.ts'

/** What the parser makes of it: the data, or the problem. */
function read(value: unknown): unknown {
  const parsed = parseLookup(value)
  return parsed.ok ? parsed.data : parsed.problem
}

const idOf = (connectionId: unknown) => read({ connectionId })

describe('a connection id', () => {
  it.each([
    ['one character', '1'],
    ['leading zeros', '00123'],
    ['spaces around it', '  12345\u00a0 '],
    ['256 characters', 'x'.repeat(256)],
    ['256 characters outside the BMP', '😀'.repeat(256)],
    ['a mixture of 256 characters', `${'é'.repeat(100)}${'😀'.repeat(156)}`],
    ['a soft hyphen, a zero-width joiner, right-to-left marks', 'a\u00ad\u200d\u200f\u2066b'],
    ['markup', '<a href="x">&amp;]]></a>'],
    ['a private-use and a noncharacter that XML allows', '\ue000\ufffd\u{1fffe}'],
    ['line separators that are no control characters', 'a\u2028b\u2029'],
    ['the name of a list of BullMQ', 'active'],
    ['the name of a property of every object', '__proto__'],
  ])('with %s is taken as it is', (_, id) => {
    expect(idOf(id)).toEqual({ connectionId: id })
  })

  const size = 'connectionId: expected 1 to 256 characters, got'
  const controls = 'connectionId: expected no control characters, got a string of 3 characters'
  it.each([
    ['empty', '', `${size} a string of 0 characters`],
    ['257 characters', 'x'.repeat(257), `${size} a string of 257 characters`],
    ['257 characters outside the BMP', '😀'.repeat(257), `${size} a string of 514 characters`],
    ['very long', 'x'.repeat(10_000_000), `${size} a string of 10000000 characters`],
    ['NUL', 'a\u0000b', controls],
    ['a tab', 'a\tb', controls],
    ['a line end', 'a\nb', controls],
    ['DEL', 'a\u007fb', controls],
    ['C1', 'a\u0085b', controls],
    ['U+FFFE', 'a\ufffeb', controls],
    ['U+FFFF', 'a\uffffb', controls],
    ['a lone high surrogate', 'ab\ud800', 'connectionId: expected no lone surrogates, got a string of 3 characters'],
    ['a lone low surrogate', '\udc00ab', 'connectionId: expected no lone surrogates, got a string of 3 characters'],
    [
      'surrogates the wrong way round',
      'a\ude00\ud83d',
      'connectionId: expected no lone surrogates, got a string of 3 characters',
    ],
    ['a number', 12345, 'connectionId: expected a string, got a number'],
    ['null', null, 'connectionId: expected a string, got null'],
    ['nothing', undefined, 'connectionId: expected a string; it is missing'],
    ['an array', ['12345'], 'connectionId: expected a string, got an array'],
    ['an object', { id: '12345' }, 'connectionId: expected a string, got an object'],
  ])('that is %s is told what it should be', (_, id, problem) => {
    expect(idOf(id)).toBe(problem)
  })
})

describe('what is no object', () => {
  it.each([
    ['null', null],
    ['nothing', undefined],
    ['an array', ['12345']],
    ['a string of 5 characters', '12345'],
    ['a number', 12345],
    ['a boolean', true],
  ])('is %s, and told so', (what, value) => {
    expect(read(value)).toBe(`lookup: expected an object with a connectionId, got ${what}`)
  })
})

describe('what comes with a connection id', () => {
  const rest = (value: Record<string, unknown>) => read({ connectionId: '1', ...value })

  it('is a correlation id of up to 256 characters, the empty one and control characters included', () => {
    for (const producer of ['a', 'crm.EU_1-b', 'x'.repeat(64)]) {
      expect(rest({ producer })).toEqual({ connectionId: '1', producer })
    }
    for (const producer of ['', 'x'.repeat(65), 'a b', 'ä', 'a\n']) {
      expect(rest({ producer })).toMatch(
        /^producer: expected a name of 1 to 64 characters of A-Z a-z 0-9 \. _ -, got a/,
      )
    }
    for (const correlationId of ['', 'x'.repeat(256), '😀'.repeat(256), 'a\nb']) {
      expect(rest({ correlationId })).toEqual({ connectionId: '1', correlationId })
    }
    expect(rest({ correlationId: 'x'.repeat(257) })).toBe(
      'correlationId: expected 0 to 256 characters, got a string of 257 characters',
    )
    expect(rest({ correlationId: null, metadata: null, expiresAt: null })).toEqual({ connectionId: '1' })
  })

  it('is metadata of up to 4 KiB, counted in bytes of JSON', () => {
    const of = (text: string) => ({ metadata: { x: text } }) // {"x":""} is 8 bytes
    for (const text of ['y'.repeat(4088), 'é'.repeat(2044), '😀'.repeat(1022)]) {
      expect(rest(of(text))).toEqual({ connectionId: '1', ...of(text) })
    }
    for (const text of ['y'.repeat(4089), `${'é'.repeat(2044)}y`, '"'.repeat(2045)]) {
      expect(rest(of(text))).toBe('metadata: expected at most 4 KiB of JSON, got an object')
    }
    for (const metadata of [[], 'text', 5]) expect(rest({ metadata })).toMatch(/^metadata: expected an object, got /)
  })

  it('is no metadata that is nested deeper than JSON can be written', () => {
    const metadata = JSON.parse(`{"x":${'['.repeat(6000)}${']'.repeat(6000)}}`)
    expect(rest({ metadata })).toBe('metadata: expected at most 4 KiB of JSON, got an object')
  })

  it('is metadata of any shape, given back as it came', () => {
    const metadata = { from: 'CRM', deep: { list: [1, null, { a: '' }] }, 'a key': true }
    expect(rest({ metadata })).toEqual({ connectionId: '1', metadata })
  })

  it('is nothing else: what we do not know is left out', () => {
    expect(rest({ tenant: 'x', ConnectionId: '2' })).toEqual({ connectionId: '1' })
  })

  it.each([
    '2026-11-24T11:00:00Z',
    '2026-11-24T11:00:00.5Z',
    '2026-11-24T11:00:00.1234567Z',
    '2026-11-24T08:00:00-03:00',
    '2026-11-24T11:00:00',
    '2028-02-29T23:59:59Z',
    '2026-11-24T11:00Z',
    '2026-11-24T08:00-03:00',
  ])('is an expiry such as %s', (expiresAt) => {
    expect(rest({ expiresAt })).toEqual({ connectionId: '1', expiresAt })
    expect(Date.parse(fullIso(expiresAt) ?? '')).not.toBeNaN()
  })

  it('without an offset is UTC, in whatever time zone a worker lives', () => {
    expect(fullIso('2026-11-24T11:00')).toBe('2026-11-24T11:00:00Z')
    expect(fullIso('2026-11-24T11:00:01.5')).toBe('2026-11-24T11:00:01.5Z')
    expect(fullIso('2026-11-24T08:00-03:00')).toBe('2026-11-24T08:00:00-03:00')
  })

  it.each([
    'tomorrow',
    '',
    '2026-11-24',
    '24/11/2026 11:00',
    '2026-11-24 11:00:00',
    '2026-02-29T00:00:00Z',
    '2026-11-31T00:00:00Z',
    '2026-11-24T24:00:00Z',
    '2026-11-24T11:00:61Z',
    ' 2026-11-24T11:00:00Z',
    1795518000000,
  ])('is no expiry such as %s', (expiresAt) => {
    expect(rest({ expiresAt })).toMatch(
      /^expiresAt: expected an ISO 8601 date and time, got |^expiresAt: expected a string/,
    )
  })
})

describe('a problem', () => {
  it("never holds the value, which may be a customer's", () => {
    const canary = 'Maria-Conceição'
    const wrong: unknown[] = [
      canary,
      [canary],
      { connectionId: `${canary}\u0000` },
      { connectionId: canary.repeat(50) },
      { connectionId: { [canary]: canary } },
      { connectionId: '1', correlationId: canary.repeat(50) },
      { connectionId: '1', correlationId: [canary] },
      { connectionId: '1', metadata: canary },
      { connectionId: '1', metadata: { [canary]: canary.repeat(500) } },
      { connectionId: '1', expiresAt: canary },
      { [canary]: canary },
    ]
    for (const value of wrong) {
      const parsed = parseLookup(value)
      expect(parsed.ok).toBe(false)
      expect(JSON.stringify(parsed)).not.toContain(canary)
    }
  })
})

describe('the echo of what could be read', () => {
  it.each([
    ['abc', 'abc'],
    ['', ''],
    [12345, '12345'],
    [null, null],
    [undefined, null],
    [{ id: 1 }, null],
    [['x'], null],
    ['x'.repeat(100_000), 'x'.repeat(256)],
    ['😀'.repeat(300), '😀'.repeat(256)],
    ['a\ud800', 'a\ufffd'],
  ])('of %j is short, and can be sent on', (value, expected) => {
    expect(echo(value)).toBe(expected)
  })
})
