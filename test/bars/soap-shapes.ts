/** Answers made to keep a reader busy, each of `size` bytes. Some are good answers that are only large. */

import { recording } from '../recordings/recording.ts'

const OK = recording('ok-soap11.res').body.toString()
const inName = (content: string) => OK.replace('>Maria<', () => `>${content}<`)
const beside = (content: string) => OK.replace('</ChatRequest>', () => `${content}</ChatRequest>`)
const inInt = (content: string) => OK.replace('>12346<', () => `>1${content}7<`)
const inDate = (content: string) => OK.replace('>2024-03-15T10:46:15<', () => `>2${content}5<`)
const inFault = (code: string) =>
  `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>${code}</faultcode></s:Fault></s:Body></s:Envelope>`

/** `some` pieces, then plain text: what the limits let through; without `some`, pieces to the end. */
function filled(around: (content: string) => string, piece: string, some = Number.POSITIVE_INFINITY) {
  return (size: number): Buffer => {
    const room = size - around('').length
    const count = Math.min(some, Math.floor(room / piece.length))
    return Buffer.from(
      around(piece.repeat(count) + 'x'.repeat(Number.isFinite(some) ? room - count * piece.length : 0)),
    )
  }
}

const many = (count: number, make: (i: number) => string) => Array.from({ length: count }, (_, i) => make(i)).join('')
const declarations = (level: number) => `<a${many(150, (i) => ` xmlns:p${level}x${i}="u"`)}>`
const scopes = `${many(22, declarations)}${'<b xmlns:q="u"/>'.repeat(500)}${'</a>'.repeat(22)}`

export const SHAPES: Record<string, (size: number) => Buffer> = {
  text: filled(inName, 'x'),
  'white space': filled(inName, ' '),
  'accents, two bytes each': (size) => filled(inName, 'é')(size / 2),
  ']': filled(inName, ']'),
  '>': filled(inName, '>'),
  'carriage returns': filled(inName, '\r'),
  'as many carriage returns as are allowed': filled(inName, '\r', 20_000),
  'CR LF': filled(inName, '\r\n'),
  references: filled(inName, '&#65;'),
  'as many references as are allowed': filled(inName, '&#x000041;', 20_000),
  ampersands: filled(inName, '&'),
  comments: filled(inName, 'x<!---->'),
  'as many comments as are allowed': filled(inName, 'x<!---->', 2_400),
  'a comment of dashes': filled((content) => `<a><!--${content}`, '-'),
  'CDATA sections': filled(inName, 'x<![CDATA[x]]>'),
  'one CDATA section': filled((content) => inName(`<![CDATA[${content}x]]>`), ']'),
  'CDATA without an end': filled((content) => `<a>${content}`, '<![CDATA['),
  elements: filled(beside, '<a/>'),
  'as many elements as are allowed': filled(beside, '<a/>', 4_900),
  'elements with long names': filled(beside, `<${'a'.repeat(200)}/>`),
  'elements of text': filled(beside, '<a>x</a>', 1_600),
  'nested elements': (size) => Buffer.from(beside('<a>'.repeat(size / 8) + '</a>'.repeat(size / 8))),
  'many nests': filled(beside, '<a>'.repeat(25) + '</a>'.repeat(25)),
  'large tags': filled(beside, `<a${many(900, (i) => ` a${i}=""`)}/>`),
  'large tags of declarations': filled(beside, `<a${many(500, (i) => ` xmlns:a${i}="u"`)}/>`),
  'tags of white space': filled(beside, `<a${' '.repeat(8_000)}/>`),
  'large values': filled(beside, `<a b="${'x'.repeat(8_000)}"/>`),
  'nested declarations with leaves': filled(beside, scopes, 1),
  'attributes without end': (size) => Buffer.from(`<a${many(size / 12, (i) => ` a${i}="x"`)}`),
  'one value without end': filled((content) => `<a b="${content}`, 'x'),
  'a long name': filled((content) => `<${content}/>`, 'a'),
  '<': filled((content) => content, '<'),
  'a long declaration': filled((content) => `<?xml version="1.0"${content}`, ' '),
  'white space in front': filled((content) => `${content}<a/>`, ' '),
  'comments in front': filled((content) => `${content}<a/>`, '<!---->'),
  'comments without end in front': filled((content) => `${content}<a/>`, '<!--'),
  'instructions in front': filled((content) => `${content}<a/>`, '<?xml?>'),
  'white space in an int': filled(inInt, ' '),
  'digits of an int': filled(inInt, '0'),
  'white space in a date': filled(inDate, ' '),
  'parts of a fault code': filled(inFault, 'a.'),
  'colons of a fault code': filled(inFault, ':'),
}
