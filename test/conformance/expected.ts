/** What must come back, and in what the answer differs from it. */

import { NAMESPACE, type SoapVersion, TYPE } from './envelope.ts'
import type { Answer } from './wire.ts'

export type Expected =
  /** 200, the record of the known connection id. */
  | { is: 'found'; version: SoapVersion }
  /** The method ran without its parameters: what it says of that is its own affair. */
  | { is: 'reached'; version: SoapVersion }
  | { is: 'fault'; version: SoapVersion; code: string; text?: string; noDetail?: true }
  | { is: 'empty'; status: number; version: SoapVersion }
  | { is: 'html'; status: number; holds?: readonly string[]; empty?: true }
  | { is: 'xml'; holds: readonly string[] }

/** What is known of the service that is asked. */
export interface Known {
  /** IdRequest of the known connection id, as a first plain request gave it; undefined for that request itself. */
  idRequest?: string
  /** False: texts are not compared, for a server's resources may be in another language. */
  texts: boolean
}

/** null: the answer is as expected. Never holds what the service said of a chat. */
export function problemOf(expected: Expected, answer: Answer, known: Known): string | null {
  const text = answer.body.toString()
  const wants = checksOf(expected, text, known)
  const wrong = [status(expected, answer), ...wants(answer)].filter((each) => each !== null)
  return wrong.length === 0 ? null : wrong.join('; ')
}

const STATUS = { found: 200, fault: 500, xml: 200 }

function status(expected: Expected, answer: Answer): string | null {
  if (expected.is === 'reached')
    return differs('status', '200 or 500', [200, 500].includes(answer.status) ? '200 or 500' : answer.status)
  return differs('status', 'status' in expected ? expected.status : STATUS[expected.is], answer.status)
}

type Checks = (answer: Answer) => (string | null)[]

function checksOf(expected: Expected, text: string, known: Known): Checks {
  if (expected.is === 'html') return (answer) => html(expected, text, answer)
  if (expected.is === 'xml')
    return (answer) => [contentType('text/xml; charset=utf-8', answer), ...holds(expected.holds, text)]
  if (expected.is === 'empty')
    return (answer) => [contentType(TYPE[expected.version], answer), differs('body', '', text)]
  const { version } = expected
  const envelope: Checks = (answer) => [
    contentType(TYPE[version], answer),
    head(version, text, 'code' in expected && expected.code === 'VersionMismatch'),
    ...common(answer),
  ]
  if (expected.is === 'found')
    return (answer) => [...envelope(answer), cache(answer, 'private, max-age=0'), record(text, known)]
  if (expected.is === 'reached') return (answer) => [...envelope(answer), cache(answer, 'private, max-age=0')]
  return (answer) => [...envelope(answer), ...fault(expected, text, known)]
}

const HTML = /^text\/html(; ?charset=utf-8)?$/i

function html({ holds: wanted = [], empty }: Expected & { is: 'html' }, text: string, answer: Answer) {
  const type = answer.headers['content-type'] ?? ''
  const content = empty ? [differs('body', '', text)] : holds(wanted, text)
  return [HTML.test(type) ? null : differs('content type', 'text/html', type), ...content]
}

/** Only a VersionMismatch has a header: it says which envelopes would do. */
function head(version: SoapVersion, text: string, upgrade: boolean): string | null {
  const opened =
    `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="${NAMESPACE[version]}" ` +
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">' +
    (upgrade ? '<soap:Header><soap12:Upgrade ' : '<soap:Body>')
  return differs('first bytes', opened, text.slice(0, opened.length))
}

function common({ headers, body }: Answer): (string | null)[] {
  return [
    differs('last bytes', '</soap:Body></soap:Envelope>', body.toString('latin1').slice(-28)),
    differs('Content-Length', String(body.length), headers['content-length']),
    differs('Content-Encoding', undefined, headers['content-encoding']),
    differs('Set-Cookie', undefined, headers['set-cookie']),
  ]
}

function record(text: string, { idRequest }: Known): string | null {
  const got = /<IdRequest>(\d+)<\/IdRequest>/.exec(text)?.[1]
  if (idRequest === undefined) return got && got !== '0' ? null : differs('IdRequest', 'one that is not 0', got)
  return differs('IdRequest', idRequest, got)
}

function fault({ version, code, text: wanted, noDetail }: Expected & { is: 'fault' }, text: string, { texts }: Known) {
  const is11 = version === '1.1'
  const open = is11 ? '<faultcode>' : '<soap:Value>'
  const [from, to] = is11 ? ['<faultstring>', '</faultstring>'] : ['<soap:Text xml:lang="en">', '</soap:Text>']
  const got = between(text, open, '</')
  const detail = noDetail || text.includes(is11 ? '<detail' : '<soap:Detail')
  return [
    differs('fault code', `soap:${code}`, got),
    detail ? null : differs('detail', 'an empty one', 'none'),
    wanted === undefined || !texts ? null : differs('fault text', wanted, between(text, from, to)),
  ]
}

function between(text: string, from: string, to: string): string | undefined {
  const start = text.indexOf(from)
  return start < 0 ? undefined : text.slice(start + from.length, text.indexOf(to, start))
}

const contentType = (wanted: string, answer: Answer) => differs('content type', wanted, answer.headers['content-type'])
const cache = (answer: Answer, wanted: string) => differs('Cache-Control', wanted, answer.headers['cache-control'])
const holds = (wanted: readonly string[], text: string) =>
  wanted.map((each) => (text.includes(each) ? null : `expected ${JSON.stringify(each)} in the body, got none`))

function differs(what: string, wanted: unknown, got: unknown): string | null {
  if (wanted === got) return null
  const shown = got === undefined ? 'none' : JSON.stringify(got)
  return `${what}: expected ${wanted === undefined ? 'none' : JSON.stringify(wanted)}, got ${shown.slice(0, 300)}`
}
