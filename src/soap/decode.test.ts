import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeText } from './decode.ts'

const XML = '<?xml version="1.0"?><a>José – €</a>'
const utf16le = (text: string) => Buffer.from(text, 'utf16le')
const utf16be = (text: string) => utf16le(text).swap16()
const BOM = '\ufeff'
/** é, en dash and euro sign in windows-1252. */
const windows1252 = (head: string) => Buffer.from(`${head}<a>Jos\xe9 \x96 \x80</a>`, 'latin1')

describe('decodeText', () => {
  it.each([
    ['utf-8 by default', Buffer.from(XML), null, XML],
    ['utf-8 by the content type', Buffer.from(XML), 'text/xml; charset=utf-8', XML],
    ['a quoted charset', Buffer.from(XML), 'text/xml; charset="UTF-8"; x=y', XML],
    ['a utf-8 byte order mark', Buffer.from(BOM + XML), null, XML],
    ['a second byte order mark is a character', Buffer.from(BOM + BOM + XML), null, BOM + XML],
    ['a byte order mark before the content type', utf16le(BOM + XML), 'text/xml; charset=utf-8', XML],
    ['utf-16le with its mark', utf16le(BOM + XML), null, XML],
    ['utf-16be with its mark', utf16be(BOM + XML), null, XML],
    ['utf-16le without a mark', utf16le(XML), null, XML],
    ['utf-16be without a mark', utf16be(XML), null, XML],
    ['utf-16 by the content type, either order', utf16be(XML), 'text/xml; charset=utf-16', XML],
    ['utf-16be by the content type', utf16be(XML), 'text/xml; charset=utf-16be', XML],
    ['windows-1252 by the content type', windows1252(''), 'text/xml;charset=windows-1252', '<a>José – €</a>'],
    ['iso-8859-1 by the content type', windows1252(''), 'text/xml; charset=ISO-8859-1', '<a>José – €</a>'],
    [
      'windows-1252 by the declaration',
      windows1252('<?xml version="1.0" encoding=\'windows-1252\'?>'),
      'text/xml',
      '<?xml version="1.0" encoding=\'windows-1252\'?><a>José – €</a>',
    ],
    [
      'the content type before the declaration',
      Buffer.from('<?xml version="1.0" encoding="iso-8859-1"?><a>é</a>'),
      'text/xml; charset=utf-8',
      '<?xml version="1.0" encoding="iso-8859-1"?><a>é</a>',
    ],
    [
      'a declaration of utf-16 that is plainly none',
      Buffer.from('<?xml version="1.0" encoding="utf-16"?><a>é</a>'),
      null,
      '<?xml version="1.0" encoding="utf-16"?><a>é</a>',
    ],
    ['a replacement character of the service', Buffer.from('<a>\ufffd</a>'), null, '<a>\ufffd</a>'],
  ])('%s', (_name, bytes, contentType, expected) => {
    expect(decodeText(bytes, contentType)).toBe(expected)
  })

  it.each([
    ['latin-1 bytes that say utf-8', Buffer.from('<a>Jos\xe9</a>', 'latin1'), 'text/xml; charset=utf-8'],
    ['a character cut in half', Buffer.from('é').subarray(0, 1), null],
    ['an odd number of utf-16 bytes', utf16le(`${BOM}<a/>`).subarray(0, 7), null],
    ['a lone surrogate in utf-16', utf16le(`${BOM}<a>\ud800</a>`), null],
    ['a charset that nobody knows', Buffer.from('<a/>'), 'text/xml; charset=klingon'],
    ['a declared encoding that nobody knows', Buffer.from('<?xml version="1.0" encoding="klingon"?><a/>'), null],
  ])('refuses %s', (_name, bytes, contentType) => {
    expect(() => decodeText(bytes, contentType)).toThrow(expect.objectContaining({ is: 'unreadable' }))
  })
})

/** Labels of the WHATWG Encoding Standard, and the bytes of "é" (or of a letter that the charset has). */
const LABELS: [letter: string, bytes: number[], labels: string][] = [
  ['é', [0xc3, 0xa9], 'unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8'],
  [
    'é',
    [0xe9],
    'ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 ' +
      'iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252',
  ],
  ['€', [0x80], 'cp1252 iso-8859-1 latin1 windows-1252'],
  ['€', [0xa4], 'csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9'],
  ['ș', [0xba], 'iso-8859-16'],
  ['é', [0xe9], 'cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 latin5 windows-1254 x-cp1254'],
  ['ł', [0xb3], 'csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso_8859-2:1987 l2 latin2 cp1250 windows-1250'],
  ['é', [0x8e], 'csmacintosh mac macintosh x-mac-roman'],
  ['д', [0xc4], 'cskoi8r koi koi8 koi8-r koi8_r'],
  ['中', [0xd6, 0xd0], 'chinese gb2312 gb_2312-80 gbk x-gbk gb18030'],
  ['あ', [0x82, 0xa0], 'csshiftjis ms932 shift-jis shift_jis sjis windows-31j x-sjis'],
  ['é', [0x00, 0xe9], 'unicodefffe utf-16be'],
  ['é', [0xe9, 0x00], 'csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le'],
]

describe('a charset', () => {
  const named = fc.constantFrom(
    ...LABELS.flatMap(([letter, bytes, labels]) => labels.split(' ').map((label) => ({ letter, bytes, label }))),
  )
  const cased = (label: string) =>
    fc.constantFrom(
      label,
      label.toUpperCase(),
      label.replace(/^./, (c) => c.toUpperCase()),
    )
  const quote = fc.constantFrom('', '"', "'")
  const space = fc.constantFrom('', ' ', '\t')
  const other = fc.constantFrom(
    '',
    '; action="a; charset=klingon"',
    ';x=y',
    "; boundary='; charset=klingon'",
    ';charset=',
  )

  it('is any that the Encoding Standard has, however the content type writes it', () => {
    fc.assert(
      fc.property(
        named,
        quote,
        space,
        other,
        other,
        fc.nat(2),
        ({ letter, bytes, label }, q, gap, before, after, way) => {
          const written = fc.sample(cased(label), { seed: way, numRuns: 1 })[0]
          const contentType = `text/xml${before}${gap};${gap}charset${gap}=${gap}${q}${written}${q}${after}`
          expect(decodeText(Uint8Array.from(bytes), contentType), contentType).toBe(letter)
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('may be declared in the document, by any name that writes ASCII as ASCII', () => {
    for (const [letter, bytes, labels] of LABELS.slice(0, -2)) {
      for (const label of labels.split(' ')) {
        const head = `<?xml version="1.0" encoding="${label}"?>`
        expect(decodeText(Buffer.concat([Buffer.from(head), Uint8Array.from(bytes)]), 'text/xml'), label).toBe(
          `${head}${letter}`,
        )
      }
    }
  })

  it.each(['klingon', 'constructor', '__proto__', 'utf-7', 'replacement', 'hz-gb-2312', "utf-8'klingon"])(
    'is not %s',
    (label) => {
      const decode = () => decodeText(Buffer.from('<a/>'), `text/xml; charset=${label}`)
      expect(decode).toThrow(expect.objectContaining({ is: 'unreadable' }))
    },
  )

  it('is found in time that grows with the content type, whatever that is', () => {
    for (const part of ['; ', ';a="', ';a="\\"', '; charset', "';"]) {
      const started = performance.now()
      decodeText(Buffer.from('<a/>'), part.repeat(4_000))
      expect(performance.now() - started).toBeLessThan(100)
    }
  })
})

describe('white space before the document', () => {
  const DECLARED = '<?xml version="1.0" encoding="ISO-8859-15"?><a>é</a>'
  it.each(['\n', '\r\n\r\n', ' \t', '\n'.repeat(1_000)])(
    '%j hides neither mark, nor byte order, nor declaration',
    (blank) => {
      expect(decodeText(Buffer.from(blank + DECLARED, 'latin1'), null)).toBe(blank + DECLARED)
      expect(decodeText(utf16le(blank + XML), null)).toBe(blank + XML)
      expect(decodeText(utf16be(blank + XML), null)).toBe(blank + XML)
      expect(decodeText(utf16be(blank + XML), 'text/xml; charset=utf-16')).toBe(blank + XML)
      expect(decodeText(utf16be(blank + BOM + XML), 'text/xml; charset=utf-8')).toBe(blank + BOM + XML)
      expect(decodeText(Buffer.from(blank + BOM + XML), 'text/xml; charset=latin1')).toBe(blank + BOM + XML)
    },
  )
})
