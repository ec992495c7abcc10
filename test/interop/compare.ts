/** What a client read against what it should have read. */

import { isDeepStrictEqual } from 'node:util'
import { CHAT, CREDENTIALS, RESPONSE } from './answers.ts'
import { CASES, type Case } from './cases.ts'
import { askWith, type ClientName, type Read, type SoapVersion } from './clients.ts'

export interface Compared {
  client: ClientName
  version: SoapVersion
  name: string
  /** null: as expected. */
  problem: string | null
}

export const ANSWERS = CASES.map(({ entry }) => entry)

/** Asks for every case, in one process of the client, from the WSDL of the service at `url`. */
export async function compareAll(client: ClientName, version: SoapVersion, url: string): Promise<Compared[]> {
  const credentials = {
    PublicKey1: CREDENTIALS.publicKey1,
    EncryptedUser: CREDENTIALS.encryptedUser,
    EncryptedPassword: CREDENTIALS.encryptedPassword,
    EncryptedSignature: CREDENTIALS.encryptedSignature,
  }
  const ids = CASES.map(({ entry }) => entry.id)
  const read = await askWith(client, { wsdl: `${url}?WSDL`, version, credentials, ids })
  return CASES.map((each, index) => ({
    client,
    version,
    name: each.name,
    problem: problemOf(expectedOf(each, client, version), read[index]),
  }))
}

export function expectedOf(
  { expected, expected12, except = [] }: Case,
  client: ClientName,
  version: SoapVersion,
): Read {
  const exception = except.find((each) => each.client === client && (each.version ?? version) === version)
  if (exception?.read === 'refused') return { refused: '' }
  const read = exception?.read ?? (version === '1.2' ? (expected12 ?? expected) : expected)
  return client === 'node-soap' && 'result' in read ? { result: withMoments(read.result) } : read
}

/** The dates of the usual chat are moments to node-soap, in UTC where the service gave no offset. */
const MOMENTS: Readonly<Record<string, string>> = {
  '2024-03-15T10:20:30': '2024-03-15T10:20:30.000Z',
  '2024-03-15T10:21:00': '2024-03-15T10:21:00.000Z',
  '2024-03-15T10:20:35': '2024-03-15T10:20:35.000Z',
}

function withMoments(result: unknown): unknown {
  return JSON.parse(JSON.stringify(result), (_, value) =>
    typeof value === 'string' ? (MOMENTS[value] ?? value) : value,
  )
}

function problemOf(expected: Read, read: Read | undefined): string | null {
  if ('refused' in expected) return read && 'refused' in read ? null : said('that the client refuses it', read)
  const filled = read && 'result' in read ? { result: fill(read.result) } : read
  return isDeepStrictEqual(filled, expected) ? null : said(JSON.stringify(expected), filled)
}

const said = (expected: string, got: unknown) => `expected ${expected}\n     got ${JSON.stringify(got)}`

/** Some clients leave out what was left out, some say null: both mean null here. */
function fill(result: unknown): unknown {
  if (result === null || typeof result !== 'object') return result
  const { response = null, ChatRequest = null, ...others } = result as Record<string, object | null>
  return { response: fillAs(RESPONSE, response), ChatRequest: fillAs(CHAT, ChatRequest), ...others }
}

function fillAs(model: object, record: object | null): object | null {
  if (record === null) return null
  return { ...Object.fromEntries(Object.keys(model).map((name) => [name, null])), ...record }
}
