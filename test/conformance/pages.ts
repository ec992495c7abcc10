/** What is not SOAP: the help page, the WSDL, other methods and other paths. */

import type { Case } from './cases.ts'
import { ACTION } from './envelope.ts'
import type { Expected } from './expected.ts'
import type { Request } from './wire.ts'

const SAMPLES = [
  'GetChatRequestByConnectionId',
  'SOAP 1.1',
  'SOAP 1.2',
  'ChatConnectionIDBD',
  'encryptedSymmetrickey',
  ACTION,
]
const WSDL = [
  '<wsdl:definitions ',
  'targetNamespace="http://tempuri.org/"',
  '<s:element minOccurs="0" maxOccurs="1" name="ChatConnectionIDBD" type="s:string" />',
  `<soap:operation soapAction="${ACTION}" style="document" />`,
  `<soap12:operation soapAction="${ACTION}" style="document" />`,
  '<soap:address location="',
  '<soap12:address location="',
]

export function pageCases(): Case[] {
  const page = (name: string, request: Request, expected: Expected): Case => ({
    name,
    version: null,
    request: { method: 'GET', ...request },
    expected,
  })
  const helpPage: Expected = { is: 'html', status: 200, holds: ['GetChatRequestByConnectionId'] }
  const operationPage: Expected = { is: 'html', status: 200, holds: SAMPLES }
  const wsdl: Expected = { is: 'xml', holds: WSDL }
  const noUrl: Expected = { is: 'html', status: 500 }
  return [
    page('GET shows the help page', {}, helpPage),
    page('GET in another case of the path', { path: (path) => path.toUpperCase() }, helpPage),
    page('?op= shows the operation with its samples', { tail: '?op=GetChatRequestByConnectionId' }, operationPage),
    ...['?WSDL', '?wsdl', '?Wsdl'].map((tail) => page(`${tail} has both bindings`, { tail }, wsdl)),
    page('?disco', { tail: '?disco' }, { is: 'xml', holds: ['<discovery ', '?wsdl" docRef="'] }),
    page('GET with path info', { tail: '/' }, noUrl),
    page('POST with path info', { method: 'POST', tail: '/NoSuchMethod' }, noUrl),
    page('PUT', { method: 'PUT', headers: ['Content-Type', 'text/xml'] }, { is: 'html', status: 405 }),
    page('DELETE', { method: 'DELETE' }, { is: 'html', status: 405 }),
    page('HEAD', { method: 'HEAD' }, { is: 'html', status: 405, empty: true }),
  ]
}
