/**
 * The operation by plain HTTP POST, as the test form of the help page sends it. .NET answers it to local callers only.
 */

import type { Access } from './access.ts'
import type { Reply } from './reply.ts'
import type { Service } from './service.ts'
import { PARAMETER_NAMES, type Parameters } from './soap-read.ts'
import { resultDocument } from './xml-write.ts'

export interface FormCall {
  id: string | null
  outcome: string
  reply: Reply
}

const REFUSED = { response: { responseCode: 9, responseDescription: 'Invalid credentials' } }

export function formCall(body: string, service: Service, access: Access): FormCall {
  const form = new URLSearchParams(body)
  const missing = PARAMETER_NAMES.find((name) => !form.has(name))
  if (missing) return { id: null, outcome: 'bad-form', reply: plainText(`Missing parameter: ${missing}.`) }
  const parameters = Object.fromEntries(PARAMETER_NAMES.map((name) => [name, form.get(name)])) as Parameters
  const id = parameters.ChatConnectionIDBD
  if (!access.admits(parameters))
    return { id, outcome: 'invalid-credentials', reply: document(resultDocument(REFUSED)) }
  const answer = service.answer(id)
  if ('fault' in answer) return { id, outcome: 'fault', reply: plainText(answer.fault.string) }
  return { id, outcome: 'answer', reply: document(resultDocument(answer.result)) }
}

function document(body: string): Reply {
  return { status: 200, headers: headers('private, max-age=0', 'text/xml'), body }
}

function plainText(message: string): Reply {
  return { status: 500, headers: headers('private', 'text/plain'), body: `${message}\r\n` }
}

function headers(cacheControl: string, type: string): string[] {
  return ['Cache-Control', cacheControl, 'Content-Type', `${type}; charset=utf-8`]
}
