/** One try to post one result: what is sent, and what came of it. Redirects are not followed. */

import { request } from 'undici'
import { deadline, monotonic, now, within } from '../clock.ts'
import type { DeliveryOutcome } from '../domain/event.ts'
import { basic } from '../soap/proxy.ts'
import { readRetryAfter } from '../soap/retry-after.ts'
import { mendedAgent } from '../soap/sockets.ts'
import { signatureOf } from './signature.ts'

export interface PostSettings {
  /** Both are read anew for each try. */
  url: () => string
  secret: () => string
  timeoutMs: number
  userAgent: string
}

export interface Delivery {
  outcome: DeliveryOutcome
  durationMs: number
  status?: number
  /** Of Node or OpenSSL. */
  code?: string
  /** Asked for by the receiver. */
  retryAfterMs?: number
}

/** As a status 429 or 503 may ask for. */
const RETRY_AFTER_MAX_MS = 3_600_000
const CONNECT_MS = 5_000
/** What the receiver says besides its status is nobody's business; what is longer costs the connection. */
const BODY_MS = 1_000
const BODY_BYTES = 16_384

export class Poster {
  readonly #settings: PostSettings
  readonly #agent = mendedAgent(CONNECT_MS)

  constructor(settings: PostSettings) {
    this.#settings = settings
  }

  /** Rejects only with the signal's reason. */
  async post(id: string, body: string, stop: AbortSignal): Promise<Delivery> {
    const startedAt = monotonic()
    const overdue = new Error('overdue')
    const limit = deadline(this.#settings.timeoutMs, () => overdue, stop)
    try {
      return { ...(await this.#send(id, body, limit.signal)), durationMs: monotonic() - startedAt }
    } catch (error) {
      stop.throwIfAborted()
      return { ...failed(error, overdue), durationMs: monotonic() - startedAt }
    } finally {
      limit.clear()
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  async #send(id: string, body: string, signal: AbortSignal): Promise<Omit<Delivery, 'durationMs'>> {
    const url = new URL(this.#settings.url())
    const headers = this.#headersOf(url, id, body)
    const { origin, pathname, search } = url // its user and password go in a header
    const answer = await request(`${origin}${pathname}${search}`, {
      method: 'POST',
      dispatcher: this.#agent,
      headers,
      body,
      signal,
    })
    const read = answer.body.dump({ limit: BODY_BYTES }).catch(() => {})
    if ((await within(BODY_MS, read)) === 'late') answer.body.on('error', () => {}).destroy()
    return outcomeOf(answer.statusCode, textOf(answer.headers['retry-after']), textOf(answer.headers.date))
  }

  #headersOf(url: URL, id: string, body: string): Record<string, string> {
    const timestamp = Math.floor(now() / 1000)
    const authorization = basic(url)
    return {
      'content-type': 'application/json',
      'user-agent': this.#settings.userAgent,
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signatureOf(this.#settings.secret(), id, timestamp, body),
      ...(authorization === null ? {} : { authorization }),
    }
  }
}

function outcomeOf(status: number, retryAfter: string | null, date: string | null): Omit<Delivery, 'durationMs'> {
  if (status >= 200 && status < 300) return { outcome: 'delivered', status }
  if (status < 400) return { outcome: 'redirect', status }
  if (status === 410) return { outcome: 'gone', status }
  if (status !== 429 && status !== 503) return { outcome: status < 500 ? 'refused' : 'error', status }
  const retryAfterMs = readRetryAfter(retryAfter, RETRY_AFTER_MAX_MS, date)
  return { outcome: 'busy', status, ...(retryAfterMs === null ? {} : { retryAfterMs }) }
}

/** Only the code, because a message may name the URL. */
function failed(error: unknown, overdue: Error): Omit<Delivery, 'durationMs'> {
  const { code } = Object(error) as { code?: unknown }
  if (error === overdue || /^UND_ERR_\w+_TIMEOUT$/.test(String(code))) return { outcome: 'timeout' }
  return { outcome: 'network', ...(typeof code === 'string' ? { code } : {}) }
}

function textOf(header: string | string[] | undefined): string | null {
  return (Array.isArray(header) ? header[0] : header) ?? null
}
