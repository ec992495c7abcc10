/**
 * What stands in the Body of an answer, in both SOAP versions. An answer may come in the other version than was asked: its
 * namespaces say which, not its content type or prefixes.
 */

import { BodyProblem } from './body-problem.ts'
import { OPERATION, SERVICE_NAMESPACE, SOAP_NAMESPACES } from './names.ts'
import type { XmlElement } from './xml.ts'

export interface SoapFault {
  /** Local name; for a dotted SOAP 1.1 code, the part before the first dot. `Unknown` if none can be read. */
  code: string
  /** Local names of SOAP 1.2 subcodes, outermost first; or the rest of a dotted code. */
  subcodes: string[]
}

export type SoapBody = { is: 'fault'; fault: SoapFault } | { is: 'response'; element: XmlElement }

/** Throws a BodyProblem if the root is no SOAP envelope whose Body holds a fault or our response. */
export function readEnvelope(root: XmlElement): SoapBody {
  if (root.name !== 'Envelope' || !isSoap(root))
    throw new BodyProblem('not-contract', 'expected a SOAP envelope, got other XML')
  const [body, ...bodies] = root.children.filter((child) => child.name === 'Body' && isSoap(child))
  if (bodies.length > 0) throw new BodyProblem('not-contract', 'expected one SOAP body, got several')
  const [content, ...others] = body?.children ?? []
  if (content?.name === 'Fault' && isSoap(content)) return { is: 'fault', fault: readFault(content) }
  refuseUnknownHeaders(root)
  // In encodings that put the objects beside the response and a reference into it, the response would read as nothing
  // found.
  if (others.length > 0) throw new BodyProblem('not-contract', 'expected one element in the SOAP body, got several')
  if (content?.name !== `${OPERATION}Response` || content.namespace !== SERVICE_NAMESPACE) {
    throw new BodyProblem('not-contract', `expected ${OPERATION}Response in the SOAP body, got something else`)
  }
  return { is: 'response', element: content }
}

function isSoap({ namespace }: { namespace: string }): boolean {
  return namespace === SOAP_NAMESPACES['1.1'] || namespace === SOAP_NAMESPACES['1.2']
}

/** We know no header block, so one that we must understand forbids us to use the answer (SOAP 1.1, 4.2.3). */
function refuseUnknownHeaders(root: XmlElement): void {
  const blocks = root.children
    .filter((child) => child.name === 'Header' && isSoap(child))
    .flatMap((header) => header.children)
  if (blocks.some((block) => isMandatory(block, root.namespace) && isForUs(block, root.namespace))) {
    throw new BodyProblem('not-understood', 'expected no mandatory SOAP header, got one')
  }
}

function isMandatory(block: XmlElement, soap: string): boolean {
  return ['1', 'true'].includes(attributeOf(block, 'mustUnderstand', soap) ?? '')
}

/**
 * How a header block is addressed to us in each version (1.1, 4.2.2; 1.2 part 1, 2.2): to nobody by name, to the next
 * node, or to the last one.
 */
const OUR_ROLES: Readonly<Record<string, { attribute: string; values: readonly string[] }>> = {
  [SOAP_NAMESPACES['1.1']]: { attribute: 'actor', values: ['', 'http://schemas.xmlsoap.org/soap/actor/next'] },
  [SOAP_NAMESPACES['1.2']]: {
    attribute: 'role',
    values: ['', `${SOAP_NAMESPACES['1.2']}/role/next`, `${SOAP_NAMESPACES['1.2']}/role/ultimateReceiver`],
  },
}

function isForUs(block: XmlElement, soap: string): boolean {
  const ours = OUR_ROLES[soap]
  return ours?.values.includes(attributeOf(block, ours.attribute, soap) ?? '') === true
}

function attributeOf(block: XmlElement, name: string, namespace: string): string | undefined {
  return block.attributes.find((each) => each.name === name && each.namespace === namespace)?.value.trim()
}

function readFault(fault: XmlElement): SoapFault {
  const legacy = fault.children.find((child) => child.name === 'faultcode')
  const [code, ...subcodes] = legacy ? localName(legacy).split('.') : codesOf(fault, 'Code')
  return { code: checkedName(code), subcodes: subcodes.map(checkedName) }
}

/** SOAP 1.2: Code/Value, Code/Subcode/Value, and so on inwards. */
function codesOf(parent: XmlElement, name: 'Code' | 'Subcode'): string[] {
  const code = parent.children.find((child) => child.name === name && isSoap(child))
  const value = code?.children.find((child) => child.name === 'Value' && isSoap(child))
  return code && value ? [localName(value), ...codesOf(code, 'Subcode')] : []
}

/** No code is longer, whatever its prefix. */
const MAX_CODE_LENGTH = 256

function localName({ text }: XmlElement): string {
  if (text.length > MAX_CODE_LENGTH) return ''
  return text.trim().split(':').at(-1) ?? ''
}

/** A code goes into results and logs, so it must be a name: some services put a sentence there. */
function checkedName(name: string | undefined): string {
  return name !== undefined && /^[A-Za-z_][\w-]{0,63}$/.test(name) ? name : 'Unknown'
}
