/** Which version a request is taken for, which operation, and with which content type. */

import { gzipSync } from 'node:zlib'
import type { Case, Subject } from './cases.ts'
import { ACTION, credentialFields, envelope, escapeXml, operation, type SoapVersion, TYPE, usual } from './envelope.ts'
import type { Expected } from './expected.ts'
import type { Request } from './wire.ts'

const found = (version: SoapVersion): Expected => ({ is: 'found', version })
const unknownAction = (action: string): Expected => ({
  is: 'fault',
  version: '1.1',
  code: 'Client',
  text: `Server did not recognize the value of HTTP Header SOAPAction: ${action}.`,
})
const NO_ACTION = 'Unable to handle request without a valid action parameter. Please supply a valid soap action.'

export function routingCases({ credentials, connectionId }: Subject): Case[] {
  const inner = operation(
    `${credentialFields(credentials)}<ChatConnectionIDBD>${escapeXml(connectionId)}</ChatConnectionIDBD>`,
  )
  const good = { '1.1': envelope('1.1', inner), '1.2': envelope('1.2', inner) }
  const other = (version: SoapVersion) => envelope(version, '<NoSuchOperation xmlns="http://tempuri.org/"/>')
  const of =
    (version: SoapVersion | null) =>
    (name: string, headers: readonly string[], expected: Expected, body?: string, more?: Request): Case => ({
      name,
      version,
      request: { headers, body: body ?? good[version ?? '1.1'], ...more },
      expected,
    })
  const v11 = of('1.1')
  const v12 = of('1.2')
  const xml = ['Content-Type', TYPE['1.1']]
  const soap = ['Content-Type', TYPE['1.2']]
  const mediaType = (version: SoapVersion): Expected => ({ is: 'empty', status: 415, version })
  return [
    v11('a plain request', usual('1.1'), found('1.1')),
    v11('SOAPAction without quotes', [...xml, 'SOAPAction', ACTION], found('1.1')),
    v11('SOAPAction URL-encoded', [...xml, 'SOAPAction', `"${ACTION.replace('://', '%3A%2f%2F')}"`], found('1.1')),
    v11('names of headers in capitals', ['CONTENT-TYPE', TYPE['1.1'], 'SOAPACTION', `"${ACTION}"`], found('1.1')),
    v11('names of headers in small letters', ['content-type', TYPE['1.1'], 'soapaction', `"${ACTION}"`], found('1.1')),
    v11('SOAPAction ""', [...xml, 'SOAPAction', '""'], unknownAction('')),
    v11('SOAPAction without a value', [...xml, 'SOAPAction', ''], unknownAction('')),
    v11('an unknown SOAPAction', [...xml, 'SOAPAction', '"urn:x"'], unknownAction('urn:x')),
    v11('SOAPAction in single quotes', [...xml, 'SOAPAction', `'${ACTION}'`], unknownAction(`'${ACTION}'`)),
    v11(
      'SOAPAction in small letters',
      [...xml, 'SOAPAction', ACTION.toLowerCase()],
      unknownAction(ACTION.toLowerCase()),
    ),
    v11(
      'an unknown SOAPAction: the body is not looked at',
      [...xml, 'SOAPAction', 'urn:x'],
      unknownAction('urn:x'),
      'no XML',
    ),
    v11('no SOAPAction', xml, found('1.1')),
    v11(
      'no SOAPAction, an unknown element',
      xml,
      { is: 'fault', version: '1.1', code: 'Client', text: NO_ACTION },
      other('1.1'),
    ),
    v11('a 1.1 envelope as application/soap+xml', soap, mediaType('1.1')),
    v11('chunks', usual('1.1'), found('1.1'), undefined, { chunked: true }),
    v11('?WSDL in a POST is ignored', usual('1.1'), found('1.1'), undefined, { tail: '?WSDL' }),
    v11('Accept-Encoding: gzip is not heeded', [...usual('1.1'), 'Accept-Encoding', 'gzip, deflate'], found('1.1')),
    v11('Expect: 100-continue', [...usual('1.1'), 'Expect', '100-continue'], found('1.1')),
    {
      name: 'Content-Encoding: gzip is not understood',
      version: '1.1',
      request: { headers: [...usual('1.1'), 'Content-Encoding', 'gzip'], body: gzipSync(good['1.1']) },
      expected: { is: 'empty', status: 400, version: '1.1' },
    },
    v12('a plain request', usual('1.2'), found('1.2')),
    v12('action without quotes', ['Content-Type', `${TYPE['1.2']};action=${ACTION}`], found('1.2')),
    v12(
      'action before charset, in capitals',
      ['Content-Type', `Application/SOAP+XML; ACTION="${ACTION}"; Charset=UTF-8`],
      found('1.2'),
    ),
    v12('no action', soap, found('1.2')),
    v12('an unknown action with the right element', ['Content-Type', `${TYPE['1.2']}; action="urn:x"`], found('1.2')),
    v12('SOAPAction beside it is ignored', [...usual('1.2'), 'SOAPAction', '"urn:x"'], found('1.2')),
    v12('an unknown element', soap, { is: 'fault', version: '1.2', code: 'Sender', text: NO_ACTION }, other('1.2')),
    v12(
      'an unknown action, an unknown element',
      ['Content-Type', `${TYPE['1.2']}; action="urn:x"`],
      {
        is: 'fault',
        version: '1.2',
        code: 'Sender',
        text: "Unable to handle request. The action 'urn:x' was not recognized.",
      },
      other('1.2'),
    ),
    v12('a 1.2 envelope as text/xml with SOAPAction', usual('1.1'), found('1.2')),
    v12('a 1.2 envelope as text/xml without', xml, found('1.2')),
    ...['text/xml', 'TEXT/XML; charset=utf-8', 'text/xml;charset="UTF-8"', 'text/xml; foo=bar'].map((type) =>
      v11(`content type ${type}`, ['Content-Type', type, 'SOAPAction', ACTION], found('1.1')),
    ),
    ...['application/json', 'application/xml', 'text/plain', 'text/xmlx'].map((type) =>
      v11(`content type ${type}`, ['Content-Type', type, 'SOAPAction', ACTION], mediaType('1.1')),
    ),
    v11('no content type', ['SOAPAction', ACTION], mediaType('1.1')),
    of(null)(
      'JSON without SOAPAction',
      ['Content-Type', 'application/json'],
      {
        is: 'fault',
        version: '1.2',
        code: 'Receiver',
        text: 'Server was unable to process request. ---&gt; Data at the root level is invalid. Line 1, position 1.',
      },
      '{"ChatConnectionIDBD":"1"}',
    ),
  ]
}
