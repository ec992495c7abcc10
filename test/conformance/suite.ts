/** Runs the cases one after the other against one service. */

import { allCases, type Case, type Subject } from './cases.ts'
import { credentialFields, envelope, escapeXml, operation, type SoapVersion, usual } from './envelope.ts'
import { type Known, problemOf } from './expected.ts'
import { send } from './wire.ts'

export interface Wanted {
  url: URL
  subject: Subject
  /** null: both. */
  version: SoapVersion | null
  /** Cases whose name holds it. */
  only?: string
  /** Whether texts of faults are compared. */
  texts: boolean
}

export interface Outcome {
  each: Case
  /** null: passed. */
  problem: string | null
}

export async function* conformance({ url, subject, version, only = '', texts }: Wanted): AsyncGenerator<Outcome> {
  const known: Known = { idRequest: await idRequestOf(url, subject, version ?? '1.1'), texts }
  for (const each of allCases(subject)) {
    if (version !== null && each.version !== null && each.version !== version) continue
    if (!each.name.toLowerCase().includes(only.toLowerCase())) continue
    const problem = await send(url, each.request).then(
      (answer) => problemOf(each.expected, answer, known),
      (error: Error & { code?: string }) => `no answer: ${error.code ?? error.message}`,
    )
    yield { each, problem }
  }
}

/** Throws when the known connection id is not known: no other case would mean anything. */
async function idRequestOf(url: URL, { credentials, connectionId }: Subject, version: SoapVersion): Promise<string> {
  const inner = operation(
    `${credentialFields(credentials)}<ChatConnectionIDBD>${escapeXml(connectionId)}</ChatConnectionIDBD>`,
  )
  const answer = await send(url, { headers: usual(version), body: envelope(version, inner) })
  const idRequest = /<IdRequest>(\d+)<\/IdRequest>/.exec(answer.body.toString())?.[1]
  if (answer.status === 200 && idRequest !== undefined && idRequest !== '0') return idRequest
  const code = /<responseCode>(-?\d+)</.exec(answer.body.toString())?.[1] ?? 'none'
  throw new Error(
    `a plain request for the known connection id: expected status 200 and a ChatRequest, got status ${answer.status}, ` +
      `response code ${code}: are --url, --connection-id and the credentials right?`,
  )
}
