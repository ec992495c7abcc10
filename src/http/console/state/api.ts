/** How the page asks the API. Paths are relative, so that the page also works behind a proxy that adds to the path. */

import { signal } from '@preact/signals'
import type { Early } from '../early.ts'

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

const UNREACHABLE = { status: 0, code: 'unreachable' }

/** Rejects with a Refused, also where there is no answer at all (status 0). */
export async function ask<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
  const init: RequestInit = { method, headers, cache: 'no-store', credentials: 'same-origin' }
  if (body !== undefined) init.body = JSON.stringify(body)
  if (signal) init.signal = signal
  const asked = method === 'GET' ? askedEarly(path) : undefined
  const answer = await (asked ?? fetch(path, init)).catch((error: Error) => {
    if (signal?.aborted) throw signal.reason
    throw new Refused(UNREACHABLE.status, UNREACHABLE.code, error.message)
  })
  const said = await read(answer)
  if (answer.ok) return said as T
  if (answer.status === 401 && !path.startsWith('session')) sessionEnded.value++
  const { code = 'unknown', detail = answer.statusText } = Object(said) as { code?: string; detail?: string }
  throw new Refused(answer.status, code, detail)
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
