import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAnswers, startStandIn } from '../../src/stand-in/stand-in.ts'
import { postId } from './ask.ts'

const parse = (value: unknown) => parseAnswers(JSON.stringify(value))

describe('an answers file that is wrong says where and why', () => {
  it.each([
    ['{', /^the answers file: expected JSON, got /],
    ['[{"id": canary}]', /^the answers file: expected JSON, got something else at (position \d+|its end)$/],
    ['{}', /^the answers file: expected a JSON array of entries, got \{\}$/],
    ['[1]', /^entry 0: expected an object with id and result or fault, got 1$/],
    ['[{"id":"a"}]', /^entry 0 \(id "a"\): expected either result or fault, got \["id"\]$/],
    ['[{"id":"a","result":null,"fault":{}}]', /^entry 0 \(id "a"\): expected either result or fault/],
    ['[{"result":null}]', /^entry 0, id: expected a value; it is missing$/],
    ['[{"id":7,"result":null}]', /^entry 0, id: expected a string, got 7$/],
    [
      '[{"id":"a","result":null},{"id":"a","result":null}]',
      /^entry 1, id: expected an id of its own, got that of entry 0$/,
    ],
    [
      '[{"id":"a","result":null,"delayMs":-1}]',
      /^entry 0 \(id "a"\), delayMs: expected milliseconds, 0 or more, got -1$/,
    ],
    ['[{"id":"a","result":[]}]', /^entry 0 \(id "a"\), result: expected an object or null, got \[\]$/],
    [
      '[{"id":"a","result":{"chatRequest":null}}]',
      /^entry 0 \(id "a"\), result: expected one of response, ChatRequest, got "chatRequest"$/,
    ],
    [
      '[{"id":"a","result":{"ChatRequest":{"CaseNumber":"12"}}}]',
      /^entry 0 \(id "a"\), result\.ChatRequest\.CaseNumber: expected a 32-bit integer or null, got "12"$/,
    ],
    [
      '[{"id":"a","result":{"ChatRequest":{"IdQueue":2147483648}}}]',
      /IdQueue: expected a 32-bit integer or null, got 2147483648$/,
    ],
    [
      '[{"id":"a","result":{"ChatRequest":{"UserName":1}}}]',
      /result\.ChatRequest\.UserName: expected a string or null, got 1$/,
    ],
    [
      '[{"id":"a","result":{"response":{"responseDescription":"\\ud800"}}}]',
      /expected a string without lone surrogates/,
    ],
    [
      '[{"id":"a","fault":{"code":"Sender","string":"x"}}]',
      /fault\.code: expected "Client" or "Server", got "Sender"$/,
    ],
    ['[{"id":"a","fault":{"code":"Server"}}]', /^entry 0 \(id "a"\), fault\.string: expected a value; it is missing$/],
    [
      '[{"id":"a","fault":{"code":"Server","string":"x","detail":"<a>"}}]',
      /fault\.detail: expected XML that may stand inside detail, got /,
    ],
  ])('%s', (text, message) => expect(() => parseAnswers(text)).toThrow(message))

  it('is right with every entry of the recordings, a byte order mark, and nothing at all', () => {
    expect(parseAnswers('\ufeff[]')).toEqual([])
    expect(parse([{ id: '', result: {} }])).toHaveLength(1)
  })
})

describe('what is written', () => {
  it('leaves out null strings, but never an int or a date', async () => {
    const answers = parse([{ id: 'a', result: { response: null, ChatRequest: {} } }])
    const standIn = await startStandIn({ answers })
    const { text } = await postId(standIn, 'a')
    await standIn.close()
    const date = '0001-01-01T00:00:00'
    expect(text).toContain(
      '<GetChatRequestByConnectionIdResult><ChatRequest><IdRequest>0</IdRequest><CaseNumber>0</CaseNumber>' +
        `<CreationDate>${date}</CreationDate><IdQueue>0</IdQueue><KeepAliveRouterDate>${date}</KeepAliveRouterDate>` +
        `<AssignAgentRouterDate>${date}</AssignAgentRouterDate><IdConnection>0</IdConnection>` +
        '<IdRequestTransfer>0</IdRequestTransfer><UserOffsetTime>0</UserOffsetTime></ChatRequest></GetChatRequestByConnectionIdResult>',
    )
  })

  it('has control characters as references, and CR and LF as they are', async () => {
    const answers = parse([
      { id: 'a', result: { response: { responseDescription: '\u0001\u001f\ufffe\t\r\n"\'é😀]]>' } } },
    ])
    const standIn = await startStandIn({ answers })
    const { text } = await postId(standIn, 'a')
    await standIn.close()
    expect(text).toContain('<responseDescription>&#x1;&#x1F;&#xFFFE;\t\r\n"\'é😀]]&gt;</responseDescription>')
  })

  it('brings back any text of XML through a reader', async () => {
    const standIn = await startStandIn()
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme' }), async (name) => {
        standIn.set({ answers: parse([{ id: 'a', result: { ChatRequest: { UserName: name } } }]) })
        const { text } = await postId(standIn, 'a')
        const raw = /<UserName>(.*)<\/UserName>/s.exec(text)?.[1] ?? (text.includes('<UserName />') ? '' : undefined)
        expect(raw?.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')).toBe(name)
      }),
      { numRuns: 50 },
    )
    await standIn.close()
  })

  it('waits as long as the entry says', async () => {
    const standIn = await startStandIn({ answers: parse([{ id: 'a', delayMs: 60, result: null }]) })
    const began = performance.now()
    await postId(standIn, 'a')
    expect(performance.now() - began).toBeGreaterThanOrEqual(59)
    await standIn.close()
  })
})
