import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isXmlText, RequestWriter } from './request.ts'
import { parseXml } from './xml.ts'

const CREDENTIALS = { publicKey1: 'a&b', encryptedUser: '<u>', encryptedPassword: ']]>', encryptedSignature: '"\'' }

describe('request', () => {
  it('names the operation where each version wants it', () => {
    expect(new RequestWriter('1.1').write(CREDENTIALS, '1').headers).toEqual({
      'content-type': 'text/xml; charset=utf-8',
      soapaction: '"http://tempuri.org/GetChatRequestByConnectionId"',
      'accept-encoding': 'identity',
      'user-agent': 'chat-enricher',
    })
    expect(new RequestWriter('1.2').write(CREDENTIALS, '1').headers).toEqual({
      'content-type': 'application/soap+xml; charset=utf-8; action="http://tempuri.org/GetChatRequestByConnectionId"',
      'accept-encoding': 'identity',
      'user-agent': 'chat-enricher',
    })
  })

  it.each(['1.1', '1.2'] as const)('carries every character through a SOAP %s parser', (version) => {
    const id = ' a\t<b>&amp;\r\n"\' ]]> é 😀 '
    const operation = parseXml(new RequestWriter(version).write(CREDENTIALS, id).body).children[0]?.children[0]
    expect(operation?.children.map(({ name, text }) => [name, text])).toEqual([
      ['PublicKey1', 'a&b'],
      ['EncryptedUser', '<u>'],
      ['EncryptedPassword', ']]>'],
      ['EncryptedSignature', '"\''],
      ['ChatConnectionIDBD', id],
    ])
  })

  it('knows what XML cannot carry', () => {
    for (const text of ['\0', 'a\x1f', '\ufffe', '\uffff', '\ud800', '\udc00\ud800'])
      expect(isXmlText(text)).toBe(false)
    for (const text of ['', '\t\r\n', '\x7f\x85', '\ufffd', '😀']) expect(isXmlText(text)).toBe(true)
    expect(() => new RequestWriter('1.1').write(CREDENTIALS, '\x01')).toThrow(RangeError)
  })

  it('is of the credentials and the id that it is asked for, whatever it wrote before', () => {
    const text = fc.oneof(
      fc.constantFrom('</ChatConnectionIDBD>', '<ChatConnectionIDBD>', '$&', "$'", ' ', '\r'),
      fc.string({ unit: 'binary' }).filter(isXmlText),
    )
    const field = fc.constantFrom('publicKey1', 'encryptedUser', 'encryptedPassword', 'encryptedSignature')
    const writer = new RequestWriter('1.1')
    const credentials = { ...CREDENTIALS }
    fc.assert(
      fc.property(field, text, text, fc.boolean(), (name, value, id, isSame) => {
        if (!isSame) credentials[name] = value
        const { body } = writer.write(credentials, id)
        expect(body).toBe(new RequestWriter('1.1').write({ ...credentials }, id).body)
        const texts = parseXml(body).children[0]?.children[0]?.children.map((child) => child.text)
        expect(texts).toEqual([...Object.values(credentials), id])
      }),
    )
  })

  it('refuses credentials that XML cannot carry each time, and then takes better ones', () => {
    const writer = new RequestWriter('1.1')
    const bad = { ...CREDENTIALS, publicKey1: '\0' }
    for (let i = 0; i < 2; i++) expect(() => writer.write(bad, '1')).toThrow(RangeError)
    expect(writer.write(CREDENTIALS, '1').body).toContain('>a&amp;b<')
    expect(() => writer.write(bad, '1')).toThrow(RangeError)
  })
})
