/** The method itself: from a connection id to its answer. It does not know that HTTP exists. */

import { madeUpResult } from './made-up.ts'
import type { AnswersEntry, FaultRecord, ResultRecord } from './records.ts'
import { responseXml } from './xml-write.ts'

export type Answer =
  | { kind: 'answer'; xml: string; delayMs: number }
  | { kind: 'fault'; fault: FaultRecord; delayMs: number }

export class Service {
  #entries: ReadonlyMap<string, AnswersEntry> = new Map()
  /** Each entry is written once, because its body is the same in both SOAP versions. */
  readonly #written = new Map<string, Answer>()

  set answers(entries: readonly AnswersEntry[]) {
    this.#entries = new Map(entries.map((entry) => [entry.id, entry]))
    this.#written.clear()
  }

  call(id: string | null): Answer {
    const entry = id === null ? undefined : this.#entries.get(id)
    return entry ? this.#of(entry) : { kind: 'answer', xml: responseXml(madeUpResult(id)), delayMs: 0 }
  }

  /** The answer before it is written as XML. */
  answer(id: string | null): { fault: FaultRecord } | { result: ResultRecord | null } {
    return (id === null ? undefined : this.#entries.get(id)) ?? { result: madeUpResult(id) }
  }

  /** The record behind an id, even if the answer for it is a fault. */
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
