import { describe, expect, it } from 'vitest'
import { httpAnswer, recording } from '../../test/recordings/recording.ts'
import { readBody } from './evidence.ts'

const SOAP11 = 'http://schemas.xmlsoap.org/soap/envelope/'
const SOAP12 = 'http://www.w3.org/2003/05/soap-envelope'
const EMPTY_RESPONSE = '<GetChatRequestByConnectionIdResponse xmlns="http://tempuri.org/"/>'

const envelope = (body: string, namespace = SOAP11, header = '') =>
  `<s:Envelope xmlns:s="${namespace}">${header}<s:Body>${body}</s:Body></s:Envelope>`
const read = (xml: string) => readBody(httpAnswer(xml))
const faultOf = (xml: string) => {
  const body = read(xml)
  return body.is === 'fault' ? body.fault : body
}

describe('an envelope', () => {
  it.each(['p', 'body', 'head', 'div', 'P'])('whose prefix is %s is no page', (prefix) => {
    const xml = `<${prefix}:Envelope xmlns:${prefix}="${SOAP11}"><${prefix}:Body>${EMPTY_RESPONSE}</${prefix}:Body></${prefix}:Envelope>`
    expect(read(xml).is).toBe('record')
  })
})

describe('answer', () => {
  it.each([SOAP11, SOAP12])('is read whatever version and prefix it comes in: %s', (namespace) => {
    expect(read(envelope(EMPTY_RESPONSE, namespace))).toEqual({
      is: 'record',
      record: { response: null, chatRequest: null },
    })
    expect(read(`<Envelope xmlns="${namespace}"><Body>${EMPTY_RESPONSE}</Body></Envelope>`).is).toBe('record')
  })

  it('may have any prefixes', () => {
    const text = recording('ok-soap11.res').body.toString()
    const prefixed = text
      .replaceAll('soap:', 'S-1.x:')
      .replace('xmlns:soap=', 'xmlns:S-1.x=')
      .replace(/<(\/?)(?=[A-Zre])(?!S-)/g, '<$1t:')
      .replace(' xmlns="http://tempuri.org/"', ' xmlns:t="http://tempuri.org/"')
    expect(prefixed).toContain('<t:UserName>')
    expect(read(prefixed)).toEqual(read(text))
  })

  it.each([
    ['a root of another name', `<s:Message xmlns:s="${SOAP11}"/>`],
    ['an envelope of another namespace', envelope(EMPTY_RESPONSE, 'urn:other')],
    ['an envelope of no namespace', `<Envelope><Body>${EMPTY_RESPONSE}</Body></Envelope>`],
    ['no body', `<s:Envelope xmlns:s="${SOAP11}"/>`],
    ['an empty body', envelope('')],
    ['two bodies', envelope(`${EMPTY_RESPONSE}</s:Body><s:Body>${EMPTY_RESPONSE}`)],
    ['another response', envelope('<GetSomethingResponse xmlns="http://tempuri.org/"/>')],
    ['the response in another namespace', envelope('<GetChatRequestByConnectionIdResponse xmlns="urn:other"/>')],
    ['a fault of another namespace', envelope('<Fault><faultcode>Server</faultcode></Fault>')],
  ])('is not the contract with %s', (_name, xml) => {
    expect(read(xml).is).toBe('not-contract')
  })

  it('is not used if a header block must be understood', () => {
    const header = (attribute: string) => `<s:Header><x xmlns="urn:x" ${attribute}/></s:Header>`
    for (const value of ['1', 'true']) {
      expect(read(envelope(EMPTY_RESPONSE, SOAP11, header(`s:mustUnderstand="${value}"`))).is).toBe('not-understood')
    }
    for (const attribute of ['', 's:mustUnderstand="0"', 'mustUnderstand="1"']) {
      expect(read(envelope(EMPTY_RESPONSE, SOAP12, header(attribute))).is).toBe('record')
    }
  })
})

describe('a header block that must be understood', () => {
  const ROLES = {
    [SOAP11]: { attribute: 'actor', ours: ['', ' ', 'http://schemas.xmlsoap.org/soap/actor/next'] },
    [SOAP12]: { attribute: 'role', ours: ['', `${SOAP12}/role/next`, ` ${SOAP12}/role/ultimateReceiver `] },
  }
  const THEIRS = [
    'urn:logger',
    `${SOAP12}/role/none`,
    'http://tempuri.org/actor',
    'next',
    'HTTP://schemas.xmlsoap.org/soap/actor/next',
  ]
  const block = (attributes: string) => `<x xmlns="urn:x" s:mustUnderstand="1" ${attributes}/>`
  const cases = Object.entries(ROLES).flatMap(([soap, { attribute, ours }]) => [
    ...ours.map((role) => [soap, `s:${attribute}="${role}"`, 'not-understood'] as const),
    ...THEIRS.map((role) => [soap, `s:${attribute}="${role}"`, 'record'] as const),
    // An attribute of the other version, or of none, addresses nobody.
    [soap, `s:${attribute === 'actor' ? 'role' : 'actor'}="urn:logger"`, 'not-understood'] as const,
    [soap, `${attribute}="urn:logger"`, 'not-understood'] as const,
  ])
  it.each(cases)('in %s with %s: %s', (soap, attributes, expected) => {
    expect(read(envelope(EMPTY_RESPONSE, soap, `<s:Header>${block(attributes)}</s:Header>`)).is).toBe(expected)
    const [mixed, mine] = [`${block('s:actor="urn:a" s:role="urn:a"')}${block(attributes)}`, block(attributes)]
    expect(read(envelope(EMPTY_RESPONSE, soap, `<s:Header>${mixed}</s:Header>`)).is).toBe(expected)
    expect(read(envelope(EMPTY_RESPONSE, soap, `<s:Header><y xmlns="urn:y">${mine}</y></s:Header>`)).is).toBe('record')
  })
})

describe('fault code', () => {
  const fault11 = (code: string) =>
    envelope(`<s:Fault><faultcode>${code}</faultcode><faultstring>x</faultstring></s:Fault>`)
  const fault12 = (code: string) => envelope(`<s:Fault><s:Code>${code}</s:Code></s:Fault>`, SOAP12)

  it.each([
    ['s:Server', { code: 'Server', subcodes: [] }],
    ['Client', { code: 'Client', subcodes: [] }],
    [' soap:Client.Authentication.Token ', { code: 'Client', subcodes: ['Authentication', 'Token'] }],
    ['InvalidKey', { code: 'InvalidKey', subcodes: [] }],
    ['', { code: 'Unknown', subcodes: [] }],
    ['The user Maria is not known', { code: 'Unknown', subcodes: [] }],
  ])('%j in SOAP 1.1', (code, expected) => {
    expect(faultOf(fault11(code))).toEqual(expected)
  })

  it.each([
    ['<s:Value>s:Receiver</s:Value>', { code: 'Receiver', subcodes: [] }],
    [
      '<s:Value>s:Sender</s:Value><s:Subcode><s:Value>wsa:ActionNotSupported</s:Value></s:Subcode>',
      { code: 'Sender', subcodes: ['ActionNotSupported'] },
    ],
    [
      '<s:Value>s:Sender</s:Value><s:Subcode><s:Value>a</s:Value><s:Subcode><s:Value>b</s:Value></s:Subcode></s:Subcode>',
      { code: 'Sender', subcodes: ['a', 'b'] },
    ],
    ['', { code: 'Unknown', subcodes: [] }],
  ])('%j in SOAP 1.2', (code, expected) => {
    expect(faultOf(fault12(code))).toEqual(expected)
  })

  it('comes from a fault in spite of a header that we do not know', () => {
    const header =
      '<s:Header><s12:Upgrade xmlns:s12="http://www.w3.org/2003/05/soap-envelope" s:mustUnderstand="1"/></s:Header>'
    const xml = envelope('<s:Fault><faultcode>s:VersionMismatch</faultcode></s:Fault>', SOAP11, header)
    expect(faultOf(xml)).toEqual({ code: 'VersionMismatch', subcodes: [] })
  })
})
