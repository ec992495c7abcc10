/** What the service answers, before it is decided how that goes over the wire. */

export type EnvelopeVersion = '1.1' | '1.2'

export interface Reply {
  status: number
  /** Name, value, name, value, … without Content-Length, Date and the headers that the flavour adds. */
  headers: readonly string[]
  body: string | Buffer
  /** True for what the HTTP layer in front of ASP.NET answers, which lacks ASP.NET's headers. */
  bare?: true
}

export const SOAP_CONTENT_TYPE: Record<EnvelopeVersion, string> = {
  '1.1': 'text/xml; charset=utf-8',
  '1.2': 'application/soap+xml; charset=utf-8',
}

/** ASP.NET sends max-age=0 only once the method has been called; a request that fails before gets `private`. */
const CALLED = 'private, max-age=0'
const NOT_CALLED = 'private'

const SOAP_HEADERS: Record<EnvelopeVersion, { called: readonly string[]; notCalled: readonly string[] }> = {
  '1.1': soapHeaders('1.1'),
  '1.2': soapHeaders('1.2'),
}

function soapHeaders(version: EnvelopeVersion) {
  const type = ['Content-Type', SOAP_CONTENT_TYPE[version]]
  return { called: ['Cache-Control', CALLED, ...type], notCalled: ['Cache-Control', NOT_CALLED, ...type] }
}

export function soapReply(status: number, version: EnvelopeVersion, body: string, called: boolean): Reply {
  const headers = SOAP_HEADERS[version]
  return { status, headers: called ? headers.called : headers.notCalled, body }
}

export function htmlReply(status: number, body: string, headers: readonly string[] = []): Reply {
  return {
    status,
    headers: ['Cache-Control', NOT_CALLED, 'Content-Type', 'text/html; charset=utf-8', ...headers],
    body,
  }
}
