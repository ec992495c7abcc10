/**
 * One request and its answer, by the HTTP client's own callbacks, because an answer has a kilobyte: a stream, and a signal of
 * its own for the deadline, would cost more than reading the answer does.
 */

import type { Dispatcher } from 'undici'
import { after, type Signal } from '../clock.ts'
import { errorCode } from './socket-errors.ts'

export interface HttpAnswer {
  status: number
  contentType: string | null
  retryAfter: string | null
  /** The server's clock. */
  date: string | null
  body: HttpBody
  /** Bytes of the body that were read. */
  bytes: number
}

export type HttpBody =
  | { is: 'complete'; bytes: Uint8Array }
  | { is: 'cut-off' }
  | { is: 'timed-out' }
  | { is: 'too-large' }
  | { is: 'encoded' }

/** Error code of a call that got no answer within its time (socket-errors.ts). */
const CALL_TIMEOUT = 'CALL_TIMEOUT'

class CallTimeout extends Error {
  readonly code = CALL_TIMEOUT
}

type Headers = Record<string, string | string[] | undefined>

/**
 * Resolves to what came of the answer once there was a status, however its body ended. Rejects with the client's error if no
 * status came, and with the signal's reason if the signal aborts before the end.
 */
export function exchange(
  client: Dispatcher,
  request: Dispatcher.DispatchOptions,
  timeoutMs: number,
  signal?: Signal,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    client.dispatch(request, new Exchange(timeoutMs, signal, resolve, reject))
  })
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly #resolve: (answer: HttpAnswer) => void
  readonly #reject: (error: unknown) => void
  readonly #signal: Signal | undefined
  readonly #onAbort: () => void
  readonly #stopClock: () => void
  readonly #chunks: Buffer[] = []
  #controller: Dispatcher.DispatchController | null = null
  #isOver = false
  /** Why it was broken off while it still waited for a socket. */
  #brokenOff: Error | null = null
  #status = 0
  #headers: Headers = {}
  #bytes = 0

  constructor(
    timeoutMs: number,
    signal: Signal | undefined,
    resolve: (answer: HttpAnswer) => void,
    reject: (error: unknown) => void,
  ) {
    this.#resolve = resolve
    this.#reject = reject
    this.#signal = signal
    this.#stopClock = after(timeoutMs, () => this.#timeIsUp())
    this.#onAbort = () => this.#breakOff(signal?.reason, () => reject(signal?.reason))
    signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#brokenOff) controller.abort(this.#brokenOff)
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    if (status < 200) return // it only says that the answer is still to come
    this.#status = status
    this.#headers = headers
    if (!isEncoded(headers['content-encoding'])) return
    this.#answer({ is: 'encoded' })
    controller.abort(new Error('not read')) // to its end, so its socket goes with it
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
  }

  onResponseEnd(): void {
    const [first] = this.#chunks
    const bytes = first && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks)
    this.#answer({ is: 'complete', bytes })
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#status === 0) this.#end(() => this.#reject(error))
    else this.#answer(BROKEN[errorCode(error)] ?? { is: 'cut-off' })
  }

  #timeIsUp(): void {
    const error = new CallTimeout('no answer in time')
    this.#breakOff(error, () => {
      if (this.#status === 0) this.#reject(error)
      else this.#resolve(this.#answerWith({ is: 'timed-out' }))
    })
  }

  /** The client notices an abort only once the request has its socket, and a caller should not wait for that. */
  #breakOff(reason: Error, settle: () => void): void {
    if (!this.#end(settle)) return
    this.#brokenOff = reason
    this.#controller?.abort(reason)
  }

  #answer(body: HttpBody): void {
    this.#end(() => this.#resolve(this.#answerWith(body)))
  }

  /** False if it had ended before. */
  #end(settle: () => void): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#stopClock()
    this.#signal?.removeEventListener('abort', this.#onAbort)
    settle()
    return true
  }

  #answerWith(body: HttpBody): HttpAnswer {
    return {
      status: this.#status,
      contentType: this.#header('content-type'),
      retryAfter: this.#header('retry-after'),
      date: this.#header('date'),
      body,
      bytes: body.is === 'encoded' ? 0 : this.#bytes,
    }
  }

  #header(name: string): string | null {
    const value = this.#headers[name]
    return (typeof value === 'string' ? value : value?.[0]) ?? null
  }
}

const BROKEN: Readonly<Record<string, HttpBody>> = {
  UND_ERR_BODY_TIMEOUT: { is: 'timed-out' },
  UND_ERR_RES_EXCEEDED_MAX_SIZE: { is: 'too-large' },
}

/** The codings that are registered for HTTP (RFC 9110, 8.4), and their old names. */
const CODINGS: ReadonlySet<string> = new Set(
  'aes128gcm br compress dcb dcz deflate exi gzip pack200-gzip x-compress x-gzip zstd'.split(' '),
)

/**
 * A label that is no coding (some services put the charset there) is ignored. If the body was coded all the same, no XML
 * comes of it.
 */
function isEncoded(header: string | string[] | undefined): boolean {
  if (header === undefined) return false
  const labels = [header].flat().flatMap((value) => value.toLowerCase().split(','))
  return labels.some((label) => CODINGS.has(label.trim()))
}
