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
