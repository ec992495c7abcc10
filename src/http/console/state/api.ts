/** How the page asks the API. Paths are relative, so that the page also works behind a proxy that adds to the path. */

import { signal } from '@preact/signals'
import type { Early } from '../early.ts'
import { T } from '../texts.ts'

/** What the API answered when it refused; `code` as docs/http.md lists them. */
export class Refused extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, detail: string) {
    super(detail)
    this.status = status
    this.code = code
  }
}

/** Counts up each time that the API says that we are nobody, or nobody any more. */
export const sessionEnded = signal(0)

/** Whether what was asked for may have been done all the same: no answer came, or only one of a proxy that had none. */
export function isUnknown(error: unknown): boolean {
  return error instanceof Refused && [0, 502, 504].includes(error.status)
}

/** Rejects with a Refused, also where there is no answer at all (status 0). */
export async function ask<Answer>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Answer> {
  const headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
  const init: RequestInit = { method, headers, cache: 'no-store', credentials: 'same-origin' }
  if (body !== undefined) init.body = JSON.stringify(body)
  if (signal) init.signal = signal
  const asked = method === 'GET' ? askedEarly(path) : undefined
  const { answer, said } = await answerTo(asked ?? fetch(path, init)).catch(() => {
    if (signal?.aborted) throw signal.reason
    throw new Refused(0, 'unreachable', T.trouble.api) // the browser's own words are of no use to anybody
  })
  if (answer.ok) return said as Answer
  if (answer.status === 401 && !path.startsWith('session')) sessionEnded.value++
  const { code = 'unknown', detail = T.trouble.status(answer.status) } = Object(said) as Said
  throw new Refused(answer.status, code, detail)
}

interface Said {
  code?: string
  detail?: string
}

/** An API that ends in the middle of its answer has not answered. */
async function answerTo(asked: Promise<Response>): Promise<{ answer: Response; said: unknown }> {
  const answer = await asked
  return { answer, said: await read(answer) }
}

/** What early.ts has asked already. It is taken once, because it grows old. */
function askedEarly(path: string): Promise<Response> | undefined {
  const { early } = globalThis as { early?: Early }
  const answer = early?.get(path)
  early?.delete(path)
  return answer
}

async function read(answer: Response): Promise<unknown> {
  const text = await answer.text()
  try {
    return text === '' ? null : JSON.parse(text)
  } catch {
    return null
  }
}

/** As the part behind `?`; fields without a value are left out. */
export function query(fields: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '')
  return given.length === 0 ? '' : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`
}
