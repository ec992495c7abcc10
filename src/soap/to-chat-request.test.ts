import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { answerWith, httpAnswer, recording } from '../../test/recordings/recording.ts'
import { readBody } from './evidence.ts'

const GOOD = recording('ok-soap11.res').body.toString()
const NIL = 'xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:nil'

const read = (xml: string) => readBody(httpAnswer(xml))
const recordOf = (xml: string) => {
  const body = read(xml)
  if (body.is !== 'record') throw new Error(`expected a record, got ${JSON.stringify(body)}`)
  return body.record
}
const replaced = (from: string, to: string) => {
  expect(GOOD).toContain(from)
  return GOOD.replace(from, () => to)
}
const problemOf = (xml: string) => {
  const body = read(xml)
  return 'problem' in body ? `${body.is}: ${body.problem}` : body.is
}

describe('a text', () => {
  const userName = (length: number) => replaced('<UserName>', `<UserName>${'x'.repeat(length)}`)

  it('of 8192 characters is read, and a longer one is not the contract', () => {
    const { userName: own } = recordOf(userName(0)).chatRequest ?? {}
    const room = 8192 - (own?.length ?? 0)
    expect(recordOf(userName(room)).chatRequest?.userName).toHaveLength(8192)
    expect(problemOf(userName(room + 1))).toMatch(/expected at most 8192 characters in UserName, got 8193/)
    expect(problemOf(userName(900_000))).toMatch(/expected at most 8192 characters in UserName, got 900\d+/)
  })
})

describe('a record that stands somewhere else', () => {
  const compact = GOOD.replace(/\s+(?=<)/g, '')
  const chat = /<ChatRequest>.*<\/ChatRequest>/.exec(compact)?.[0] ?? ''
  const escaped = (xml: string) => xml.replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  const withInstead = (from: string, to: string) => {
    expect(compact).toContain(from)
    return compact.replace(from, () => to)
  }
  const END = '</GetChatRequestByConnectionIdResult>'

  it.each([
    ['in an element that we do not know', chat, `<Data>${chat}</Data>`],
    ['deep in another namespace', chat, `<d:diffgram xmlns:d="urn:d"><d:x xmlns="">${chat}</d:x></d:diffgram>`],
    ['in other capitals', chat, `<Data>${chat.replaceAll('ChatRequest>', 'chatRequest>')}</Data>`],
    ['without its own element', chat, chat.replace(/<\/?ChatRequest>/g, '')],
    ['in the response part', `</response>${chat}`, `${chat}</response>`],
    ['beside the result', `${chat}${END}`, `${END}${chat}`],
    ['as escaped text', chat, `<xml>${escaped(chat)}</xml>`],
    ['as escaped text with prefixes', chat, `<xml>${escaped(chat.replace(/<(\/?)/g, '<$1t:'))}</xml>`],
    ['as CDATA', chat, `<xml><![CDATA[<?xml version="1.0"?>${chat}]]></xml>`],
  ])('%s is not the contract', (_name, from, to) => {
    expect(problemOf(withInstead(from, to))).toBe('not-contract: expected ChatRequest in its place, got it in another')
  })

  it.each([
    ['other elements', '<more a="1"><RequestId>7</RequestId></more>'],
    ['a ChatRequest that is nil', `<ChatRequest ${NIL}="1"/>`],
    ['a text that speaks of less', '<more>a &lt; b, no ChatRequest</more>'],
  ])('does not stand in %s: nothing was found', (_name, instead) => {
    expect(recordOf(withInstead(chat, instead)).chatRequest).toBeNull()
  })

  it('may be spoken of in a description, and stand twice if once in its place', () => {
    const END_OF_TEXT = '</responseDescription>'
    const said = withInstead(END_OF_TEXT, `no &lt;ChatRequest&gt;${END_OF_TEXT}`).replace(chat, '')
    expect(recordOf(said).chatRequest).toBeNull()
    expect(recordOf(withInstead(chat, `${chat}<copy>${chat}</copy>`)).chatRequest?.idRequest).toBe(12346)
  })
})

describe('strings', () => {
  it.each([
    ['<UserName>00123</UserName>', '00123'],
    ['<UserName> José </UserName>', ' José '],
    ['<UserName>   </UserName>', '   '],
    ['<UserName>a&#x1;b&#xD;c</UserName>', 'a\x01b\rc'],
    ['<UserName><![CDATA[<b>]]> &amp; c</UserName>', '<b> & c'],
    ['<UserName></UserName>', ''],
    ['<UserName />', ''],
    ['', null],
    [`<UserName ${NIL}="true"/>`, null],
    [`<UserName ${NIL}=" 1 "/>`, null],
    [`<UserName ${NIL}="false"/>`, ''],
    ['<UserName nil="true">x</UserName>', 'x'],
  ])('%s is %j', (element, expected) => {
    expect(recordOf(answerWith(element)).chatRequest?.userName).toBe(expected)
  })
})

describe('ints', () => {
  const idRequest = (text: string) => replaced('<IdRequest>12346<', `<IdRequest>${text}<`)
  it.each([
    ['2147483647', 2_147_483_647],
    ['-2147483648', -2_147_483_648],
    ['+7', 7],
    ['007', 7],
    ['-0', 0],
    [' \t\r\n7 ', 7],
    ['<!-- c -->7', 7],
  ])('%j is %d', (text, expected) => {
    expect(recordOf(idRequest(text)).chatRequest?.idRequest).toBe(expected)
  })

  it.each([
    '',
    ' ',
    '2147483648',
    '-2147483649',
    '1.0',
    '1e3',
    '0x1',
    '1 2',
    '\u00a07',
    '٣',
    'NaN',
    '9'.repeat(400),
    '<b>7</b>',
  ])('%j is not the contract', (text) => {
    expect(problemOf(idRequest(text))).toMatch(/^not-contract: expected (IdRequest|text in IdRequest)/)
  })

  it('may be nil, but not absent', () => {
    expect(recordOf(replaced('<IdRequest>12346<', `<IdRequest ${NIL}="1"><`)).chatRequest?.idRequest).toBeNull()
    expect(problemOf(replaced('<CaseNumber>12347</CaseNumber>', ''))).toBe(
      'not-contract: expected CaseNumber, got none',
    )
    expect(problemOf(replaced('<responseCode>0</responseCode>', ''))).toBe(
      'not-contract: expected responseCode, got none',
    )
  })
})

describe('dates', () => {
  const creationDate = (text: string) => replaced('<CreationDate>2024-03-15T10:46:15<', `<CreationDate>${text}<`)
  it.each([
    '2024-03-15T10:46:15',
    '2024-03-15T10:46:15Z',
    '2024-03-15T10:46:15-03:00',
    '2018-11-04T00:00:00.5-02:00',
    '1900-01-01T00:00:00-03:06',
    '2024-02-29T23:59:59.1234567',
    '2000-02-29T24:00:00',
    '9999-12-31T23:59:59.9999999',
    '0001-01-01T00:00:00.0000001',
    '2024-03-15T10:46:15.123456789012+14:00',
  ])('%s is kept as it is', (text) => {
    expect(recordOf(creationDate(text)).chatRequest?.creationDate).toBe(text)
  })

  it('lose only white space around them', () => {
    expect(recordOf(creationDate('\n 2024-03-15T10:46:15 ')).chatRequest?.creationDate).toBe('2024-03-15T10:46:15')
  })

  it.each(['0001-01-01T00:00:00', '0001-01-01T00:00:00Z', '0001-01-01T00:00:00-03:06', '0001-01-01T00:00:00.000'])(
    '%s was never set',
    (text) => {
      expect(recordOf(creationDate(text)).chatRequest?.creationDate).toBeNull()
    },
  )

  it.each([
    '',
    '2024-03-15',
    '2024-03-15 10:46:15',
    '15/03/2024 10:46:15',
    '2023-02-29T00:00:00',
    '1900-02-29T00:00:00',
    '2024-13-01T00:00:00',
    '2024-00-01T00:00:00',
    '2024-04-31T00:00:00',
    '2024-01-00T00:00:00',
    '0000-01-01T00:00:00',
    '12024-01-01T00:00:00',
    '2024-01-01T24:00:01',
    '2024-01-01T24:00:00.1',
    '2024-01-01T25:00:00',
    '2024-01-01T00:60:00',
    '2024-01-01T00:00:60',
    '2024-01-01T00:00:00.',
    '2024-01-01T00:00:00+15:00',
    '2024-01-01T00:00:00-0300',
    '2024-01-01t00:00:00z',
  ])('%j is not the contract', (text) => {
    expect(problemOf(creationDate(text))).toMatch(/^not-contract: expected CreationDate to be of type dateTime/)
  })

  it('may be nil, but not absent', () => {
    expect(
      recordOf(replaced('<CreationDate>2024-03-15T10:46:15<', `<CreationDate ${NIL}="true"><`)).chatRequest
        ?.creationDate,
    ).toBeNull()
    expect(problemOf(replaced('<KeepAliveRouterDate>2024-03-15T10:46:45</KeepAliveRouterDate>', ''))).toBe(
      'not-contract: expected KeepAliveRouterDate, got none',
    )
  })
})

describe('the two parts', () => {
  const part = (name: string) => new RegExp(`<${name}>.*</${name}>`)
  it.each([
    ['response', GOOD.replace(part('response'), ''), true, false],
    ['response, nil', GOOD.replace(part('response'), `<response ${NIL}="true"/>`), true, false],
    ['ChatRequest', GOOD.replace(part('ChatRequest'), ''), false, true],
    ['ChatRequest, nil', GOOD.replace(part('ChatRequest'), `<ChatRequest ${NIL}="true"/>`), false, true],
    ['both', GOOD.replace(part('GetChatRequestByConnectionIdResult'), ''), true, true],
    [
      'both, nil',
      GOOD.replace(part('GetChatRequestByConnectionIdResult'), `<GetChatRequestByConnectionIdResult ${NIL}="true"/>`),
      true,
      true,
    ],
  ])('without %s', (_name, xml, noResponse, noChatRequest) => {
    const { response, chatRequest } = recordOf(xml)
    expect([response === null, chatRequest === null]).toEqual([noResponse, noChatRequest])
  })

  it('in any order, with elements that nobody knows', () => {
    const response = part('response').exec(GOOD)?.[0] ?? ''
    const turned = GOOD.replace(response, '').replace(
      '</ChatRequest>',
      `<New><IdRequest>1</IdRequest></New></ChatRequest>${response}`,
    )
    expect(recordOf(turned)).toEqual(recordOf(GOOD))
  })

  it.each(['<UserName>a</UserName>', '<IdRequest>1</IdRequest>'])('not with %s twice', (element) => {
    expect(problemOf(replaced('</ChatRequest>', `${element}</ChatRequest>`))).toMatch(
      /^not-contract: expected one \w+, got 2$/,
    )
  })
})

describe('what is written in another way than the contract', () => {
  const NAMES = [...new Set(Array.from(GOOD.matchAll(/<(\w+)/g), ([, name]) => name ?? ''))].filter(
    (name) => !['xml', 'soap'].includes(name),
  )
  const other = fc.oneof(
    fc
      .constantFrom('xmlns=""', 'xmlns="urn:x"', 'xmlns="http://tempuri.org"', 'xmlns="HTTP://tempuri.org/"')
      .map(
        (namespace) => (xml: string, name: string) =>
          xml.replace(new RegExp(`<${name}(?: xmlns="[^"]*")?>`), `<${name} ${namespace}>`),
      ),
    fc.nat().map((seed) => (xml: string, name: string) => {
      const changed = recased(name, seed)
      return xml
        .replaceAll(`<${name}>`, `<${changed}>`)
        .replaceAll(`</${name}>`, `</${changed}>`)
        .replaceAll(`<${name} `, `<${changed} `)
    }),
  )

  it('another namespace or case, of any element, is never taken for nothing', () => {
    expect(NAMES).toHaveLength(20)
    fc.assert(
      fc.property(fc.constantFrom(...NAMES), other, (name, change) => {
        const changed = change(GOOD, name)
        expect(changed).not.toBe(GOOD)
        expect(problemOf(changed), changed).toMatch(/^not-contract: /)
      }),
      { numRuns: 500 },
    )
  })

  const inner = (name: string) => new RegExp(`(<${name}[^>]*>).*(</${name}>)`)
  const escaped = (xml: string) => xml.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  const RESPONSE = 'GetChatRequestByConnectionIdResponse'
  const RESULT = 'GetChatRequestByConnectionIdResult'
  const CONTENTS: [string, (content: string) => string][] = [
    ['escaped text', escaped],
    ['CDATA', (content) => `<![CDATA[${content}]]>`],
    ['a text', () => 'not here'],
    ['another element', (content) => `<Data>${content}</Data>`],
    ['a diffgram', (content) => `<d:diffgram xmlns:d="urn:d">${content}</d:diffgram>`],
  ]
  const places = [RESPONSE, RESULT].flatMap((place) => CONTENTS.map(([what, change]) => [place, what, change] as const))
  it.each(places)('%s with its content as %s', (place, _what, change) => {
    const [content = ''] = /(?<=Result>).*(?=<\/GetChatRequestByConnectionIdResult)/.exec(GOOD) ?? []
    expect(problemOf(GOOD.replace(inner(place), (_all, open, close) => `${open}${change(content)}${close}`))).toMatch(
      /^not-contract: /,
    )
  })

  it.each([RESULT, RESPONSE])('text beside the elements of %s', (name) => {
    expect(problemOf(GOOD.replace(new RegExp(`</${name}>`), `&lt;ChatRequest/></${name}>`))).toMatch(/^not-contract: /)
    expect(read(GOOD.replace(new RegExp(`</${name}>`), ` \r\n<!-- x --></${name}>`)).is).toBe('record')
  })

  it.each(['UserName', 'IdRequest', 'ChatRequest', 'response', RESULT])('%s that is nil and has content', (name) => {
    expect(problemOf(GOOD.replace(`<${name}>`, `<${name} ${NIL}="true">`))).toMatch(/^not-contract: /)
  })

  it('objects beside the response, and references to them', () => {
    const [result = ''] = /<GetChatRequestByConnectionIdResult>.*Result>/.exec(GOOD) ?? []
    const apart = GOOD.replace(result, `<${RESULT} href="#1"/>`).replace(
      '</soap:Body>',
      `<multiRef id="1"/></soap:Body>`,
    )
    expect(problemOf(apart)).toMatch(/^not-contract: /)
  })

  it.each([`<${RESULT}/>`, `<${RESULT}> \n </${RESULT}>`, `<${RESULT} ${NIL}="true"/>`, '', ' ', '<!-- none -->'])(
    'but nothing (%s) is nothing',
    (content) => {
      expect(recordOf(GOOD.replace(inner(RESPONSE), `$1${content}$2`))).toEqual({ response: null, chatRequest: null })
    },
  )
})

/** Another case of at least one letter. */
function recased(name: string, seed: number): string {
  const letters = [...name]
  const at = seed % letters.length
  const changed = letters.map((letter, index) =>
    index === at || (seed >> index) % 3 === 1
      ? letter === letter.toLowerCase()
        ? letter.toUpperCase()
        : letter.toLowerCase()
      : letter,
  )
  return changed.join('')
}
