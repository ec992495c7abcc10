/** The method itself: credentials and connection id -> what is answered. Knows nothing of HTTP. */

import { madeUpResult } from './made-up.ts'
import type { AnswersEntry, FaultRecord, ResultRecord } from './records.ts'
import type { Parameters } from './soap-read.ts'
import { responseXml } from './xml-write.ts'

export interface Credentials {
  publicKey1: string
  encryptedUser: string
  encryptedPassword: string
  encryptedSignature: string
}

export type Answer =
  | { kind: 'answer' | 'invalid-credentials'; xml: string; delayMs: number }
  | { kind: 'fault'; fault: FaultRecord; delayMs: number }

const INVALID_CREDENTIALS: Answer = {
  kind: 'invalid-credentials',
  xml: responseXml({ response: { responseCode: 9, responseDescription: 'Invalid credentials' } }),
  delayMs: 0,
}

export class Service {
  credentials: Credentials | null = null
  #entries: ReadonlyMap<string, AnswersEntry> = new Map()
  /** Written once for each entry: the body is the same in both SOAP versions. */
  readonly #written = new Map<string, Answer>()

  set answers(entries: readonly AnswersEntry[]) {
    this.#entries = new Map(entries.map((entry) => [entry.id, entry]))
    this.#written.clear()
  }

  call(parameters: Parameters): Answer {
    if (this.credentials && !agrees(this.credentials, parameters)) return INVALID_CREDENTIALS
    const id = parameters.ChatConnectionIDBD
    const entry = id === null ? undefined : this.#entries.get(id)
    return entry ? this.#of(entry) : { kind: 'answer', xml: responseXml(madeUpResult(id)), delayMs: 0 }
  }

  /** The record behind an id, also where the answer to it is a fault. */
  record(id: string | null): ResultRecord {
    const entry = id === null ? undefined : this.#entries.get(id)
    return (entry && 'result' in entry ? entry.result : null) ?? madeUpResult(id)
  }

  #of(entry: AnswersEntry): Answer {
    const written = this.#written.get(entry.id) ?? write(entry)
    this.#written.set(entry.id, written)
    return written
  }
}

function write(entry: AnswersEntry): Answer {
  const delayMs = entry.delayMs ?? 0
  if ('fault' in entry) return { kind: 'fault', fault: entry.fault, delayMs }
  return { kind: 'answer', xml: responseXml(entry.result), delayMs }
}

function agrees(credentials: Credentials, parameters: Parameters): boolean {
  return (
    parameters.PublicKey1 === credentials.publicKey1 &&
    parameters.EncryptedUser === credentials.encryptedUser &&
    parameters.EncryptedPassword === credentials.encryptedPassword &&
    parameters.EncryptedSignature === credentials.encryptedSignature
  )
}
