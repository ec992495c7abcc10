/** Asks the service with npm soap: {wsdl, version, credentials, ids} as JSON on stdin, a JSON list of what was read on stdout. */

import { json } from 'node:stream/consumers'
import { createClientAsync } from 'soap'
import type { Asked } from './clients.ts'

const { wsdl, version, credentials, ids } = (await json(process.stdin)) as Asked
const client = await createClientAsync(wsdl, { forceSoap12Headers: version === '1.2', preserveWhitespace: true })
const port = client.TPClientWebServicesAPI[`TPClientWebServicesAPISoap${version === '1.2' ? '12' : ''}`]

const read: unknown[] = []
for (const id of ids) read.push(await ask(id))
console.log(JSON.stringify(read))

function ask(id: string): Promise<unknown> {
  return new Promise((resolve) => {
    port.GetChatRequestByConnectionId({ ...credentials, ChatConnectionIDBD: id }, (error: unknown, answer: unknown) => {
      if (!error)
        resolve({ result: (answer as Record<string, unknown> | null)?.GetChatRequestByConnectionIdResult ?? null })
      else resolve(wrong(error as Failed))
    })
  })
}

interface Fault {
  faultcode?: string
  faultstring?: string
  faultactor?: string
  Code?: { Value: string }
  Reason?: { Text: string | { $value: string } }
  Node?: string
  detail?: unknown
}
interface Failed {
  message?: string
  root?: { Envelope?: { Body?: { Fault?: Fault } } }
}

function wrong(error: Failed): unknown {
  const fault = error.root?.Envelope?.Body?.Fault
  if (!fault) return { refused: error.message ?? 'an error without a message' }
  const reason = fault.Reason?.Text
  return {
    fault: {
      code: fault.faultcode ?? fault.Code?.Value,
      string: fault.faultstring ?? (typeof reason === 'object' ? reason.$value : reason),
      actor: fault.faultactor ?? fault.Node ?? null,
      detail: fault.detail || null,
    },
  }
}
