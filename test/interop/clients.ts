/** The clients that others wrote, each as a process of its own, and how to run them. */

import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

export type ClientName = 'zeep' | 'php' | 'node-soap'
export type SoapVersion = '1.1' | '1.2'

/** What a client's process gets as JSON on stdin. */
export interface Asked {
  wsdl: string
  version: SoapVersion
  credentials: Record<string, string>
  ids: string[]
}

export type Read =
  | { result: unknown }
  | { fault: { code: string; string: string; actor: string | null; detail: unknown } }
  /** The client could not read the answer; the text is its own. */
  | { refused: string }

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** Debian's packages are for Debian's own python, whatever `python3` on PATH may be. */
const COMMANDS: Readonly<Record<ClientName, readonly string[]>> = {
  zeep: ['/usr/bin/python3', file('zeep_client.py')],
  php: ['php', file('php_client.php')],
  'node-soap': [process.execPath, file('node_soap_client.mjs')],
}

/** One answer for each id, in their order. Rejects when the client itself breaks, with what it said. */
export async function askWith(client: ClientName, asked: Asked): Promise<Read[]> {
  const [command = '', ...args] = COMMANDS[client]
  // A date without an offset is local time to some clients.
  const child = spawn(command, args, { env: { ...process.env, TZ: 'UTC', PYTHONIOENCODING: 'utf-8' } })
  child.stdin.on('error', () => {})
  child.stdin.end(JSON.stringify(asked))
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  const [code, out, complaint] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
  if (code !== 0) throw new Error(`${client}, SOAP ${asked.version}: expected exit 0, got ${code}\n${complaint}${out}`)
  return JSON.parse(out)
}
