/** What the endpoint says of itself when it is asked for its WSDL: whether it is the service that we want. */

import type { Signal } from '../clock.ts'
import { decodeText } from './decode.ts'
import type { HttpAnswer } from './exchange.ts'
import { OPERATION, SERVICE_NAMESPACE, type SoapVersion } from './names.ts'
import { errorCode } from './socket-errors.ts'
import { Transport, type TransportSettings } from './transport.ts'
import { parseXml, type XmlElement } from './xml.ts'

export type WsdlLook =
  | { is: 'no-answer'; code: string }
  | { is: 'status'; status: number }
  /** A page for people: a login, a proxy's, or another application. */
  | { is: 'page' }
  | { is: 'no-wsdl' }
  /** `versions`: in which SOAP it has our operation. */
  | { is: 'wsdl'; hasOperation: boolean; namespace: string; versions: SoapVersion[] }

export interface ServiceLook {
  look: WsdlLook
  /** End of its certificate, ms since 1970; null without TLS, or where it was refused. */
  certificateExpiresAt: number | null
  /** What its clock says, ms since 1970; null where it does not say. */
  clock: number | null
}

/** Asks once. Rejects with the signal's reason alone. */
export async function lookAtService(settings: TransportSettings, signal: Signal): Promise<ServiceLook> {
  let certificateExpiresAt: number | null = null
  let transport: Transport | null = null
  try {
    transport = new Transport(settings, (expiresAt) => {
      certificateExpiresAt = expiresAt
    })
    const answer = await transport.get('WSDL', signal)
    return { look: seenIn(answer), certificateExpiresAt, clock: Date.parse(answer.date ?? '') || null }
  } catch (error) {
    if (signal.aborted) throw signal.reason
    return { look: { is: 'no-answer', code: errorCode(error) }, certificateExpiresAt, clock: null }
  } finally {
    await transport?.close()
  }
}

function seenIn({ status, contentType, body }: HttpAnswer): WsdlLook {
  if (status !== 200) return { is: 'status', status }
  if (body.is !== 'complete') return { is: 'no-wsdl' }
  try {
    const text = decodeText(body.bytes, contentType)
    return /^\s*<(?:!doctype\s+)?html/i.test(text) ? { is: 'page' } : ofDocument(parseXml(text))
  } catch {
    return /html/i.test(contentType ?? '') ? { is: 'page' } : { is: 'no-wsdl' }
  }
}

const WSDL_NAMESPACE = 'http://schemas.xmlsoap.org/wsdl/'
const SOAP_BINDINGS: Readonly<Record<SoapVersion, string>> = {
  '1.1': 'http://schemas.xmlsoap.org/wsdl/soap/',
  '1.2': 'http://schemas.xmlsoap.org/wsdl/soap12/',
}

function ofDocument(root: XmlElement): WsdlLook {
  if (root.name !== 'definitions' || root.namespace !== WSDL_NAMESPACE) return { is: 'no-wsdl' }
  const namespace = root.attributes.find(({ name }) => name === 'targetNamespace')?.value ?? ''
  const named = (element: XmlElement) =>
    element.name === 'operation' && element.attributes.some(({ name, value }) => name === 'name' && value === OPERATION)
  const offers = root.children.filter(({ children }) => children.some(named))
  const bindings = offers.filter(({ name }) => name === 'binding')
  const speaks = (version: SoapVersion) =>
    bindings.some(({ children }) => children.some((child) => child.namespace === SOAP_BINDINGS[version]))
  const versions = (['1.1', '1.2'] as const).filter(speaks)
  return { is: 'wsdl', hasOperation: offers.length > 0 && namespace === SERVICE_NAMESPACE, namespace, versions }
}
