/** XML that the service refuses, and envelopes that are none. */

import type { Case, Subject } from './cases.ts'
import { ACTION, credentialFields, envelope, operation, type SoapVersion, TYPE, usual } from './envelope.ts'
import type { Expected } from './expected.ts'

const VERSIONS = ['1.1', '1.2'] as const

export function xmlCases({ credentials }: Subject): Case[] {
  return VERSIONS.flatMap((version) => [...refused(credentialFields(credentials), version), ...noEnvelope(version)])
}

function refused(fields: string, version: SoapVersion): Case[] {
  const good = envelope(version, operation(fields))
  const id = (value: string) =>
    envelope(version, operation(`${fields}<ChatConnectionIDBD>${value}</ChatConnectionIDBD>`))
  const bodies: Record<string, string> = {
    'a comment inside a text': id('a<!-- c -->b'),
    'a processing instruction inside a text': id('a<?p?>b'),
    'an element inside a text': id('<b/>'),
    '&#x1;': id('&#x1;'),
    'an unknown entity': id('&nbsp;'),
    'a lone &': id('a & b'),
    'an undeclared prefix': envelope(version, '<p:x/>'),
    'an unclosed tag': good.replace('</s:Body>', ''),
    'text behind the end': `${good}x`,
    'a DTD': `<!DOCTYPE x [<!ENTITY a "b">]>${good}`,
    'white space before the declaration': ` <?xml version="1.0"?>${good}`,
    'an empty body': '',
    'no XML': 'hello',
    JSON: '{"a":1}',
  }
  return Object.entries(bodies).map(([name, body]) => ({
    name,
    version,
    request: { headers: usual(version), body },
    expected: { is: 'empty', status: 400, version },
  }))
}

const UNREADABLE = 'Server was unable to read request. ---&gt; Request format is invalid: Missing required'
const UNROUTABLE = 'Server was unable to process request. ---&gt;'

function noEnvelope(version: SoapVersion): Case[] {
  const namespace = /"(.*?)"/.exec(envelope(version, ''))?.[1]
  const code = version === '1.1' ? 'Client' : 'Sender'
  const bare = ['Content-Type', TYPE[version]]
  const empty = `<s:Envelope xmlns:s="${namespace}"/>`
  const sent = (name: string, headers: readonly string[], body: string, expected: Expected): Case => ({
    name,
    version,
    request: { headers, body },
    expected,
  })
  const receiver = (text: string): Expected => ({ is: 'fault', version: '1.2', code: 'Receiver', text })
  const mismatch = (envelopeNamespace: string): Expected => ({
    is: 'fault',
    version: '1.1',
    code: 'VersionMismatch',
    text: `Possible SOAP version mismatch: Envelope namespace ${envelopeNamespace} was unexpected. Expecting http://schemas.xmlsoap.org/soap/envelope/.`,
  })
  return [
    sent('no Body', usual(version), empty, { is: 'fault', version, code, text: `${UNREADABLE} soap:Body element.` }),
    sent(
      'another namespace of the envelope',
      usual(version),
      '<Envelope xmlns="urn:x"><Body/></Envelope>',
      mismatch('urn:x'),
    ),
    sent('another root', usual(version), `<root xmlns="${ACTION}"/>`, mismatch(ACTION)),
    sent('an empty body without an action', bare, '', receiver(`${UNROUTABLE} Root element is missing.`)),
    sent(
      'no XML without an action',
      bare,
      'x',
      receiver(`${UNROUTABLE} Data at the root level is invalid. Line 1, position 1.`),
    ),
  ]
}
