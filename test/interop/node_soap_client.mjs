/** Asks the service with npm soap: {wsdl, version, credentials, ids} as JSON on stdin, a JSON list of what was read on stdout. */

import { json } from 'node:stream/consumers'
import { createClientAsync } from 'soap'

const { wsdl, version, credentials, ids } = await json(process.stdin)
const client = await createClientAsync(wsdl, { forceSoap12Headers: version === '1.2', preserveWhitespace: true })
const port = client.TPClientWebServicesAPI[`TPClientWebServicesAPISoap${version === '1.2' ? '12' : ''}`]

const read = []
for (const id of ids) read.push(await ask(id))
console.log(JSON.stringify(read))

function ask(id) {
  return new Promise((resolve) => {
    port.GetChatRequestByConnectionId({ ...credentials, ChatConnectionIDBD: id }, (error, answer) => {
      if (!error) resolve({ result: answer?.GetChatRequestByConnectionIdResult ?? null })
      else resolve(wrong(error))
    })
  })
}

function wrong(error) {
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
