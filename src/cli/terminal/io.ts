/** What a command reads, writes and is stopped by. Data goes to stdout, all else to stderr. */

import { once } from 'node:events'
import { Readable, type Writable } from 'node:stream'

export type Environment = Readonly<Record<string, string | undefined>>

/** A stream that may be a terminal. */
export type Output = Writable & { isTTY?: boolean; columns?: number }

/** What whoever runs a command line gives it. */
export interface RunOptions {
  env: Environment
  /** Empty, if not given. */
  stdin?: Readable
  stdout: Output
  stderr: Output
  /** Aborts when the command shall stop; the reason names what asked for it, as SIGTERM. */
  signal: AbortSignal
  /** Aborts when that is asked for once more: a worker hands back at once. */
  hurry?: AbortSignal
}

export class Interrupted extends Error {}

export class Io {
  readonly env: Environment
  readonly stdout: Output
  readonly stderr: Output
  readonly #given: RunOptions

  constructor(given: RunOptions) {
    this.env = given.env
    this.stdout = given.stdout
    this.stderr = given.stderr
    this.#given = given
    // What goes wrong with them is told by the write that fails; unheard, it would end the process at once.
    for (const stream of [given.stdout, given.stderr]) stream.on('error', () => {})
  }

  get stdin(): Readable {
    return this.#given.stdin ?? Readable.from([])
  }

  /** Asked for by those alone that stop in an order of their own: as long as nobody asks, a signal ends the process. */
  get signal(): AbortSignal {
    return this.#given.signal
  }

  get hurry(): AbortSignal | undefined {
    return this.#given.hurry
  }

  say(text: string): void {
    this.stderr.write(`${text}\n`)
  }

  /** Writes to stdout and resolves when it has left this process, so that a slow reader slows us down. */
  async print(text: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.stdout.write(`${text}\n`, (error) => (error ? reject(ofStdout(error)) : resolve()))
    })
  }

  /** Aborts when the command shall stop, or when whoever reads stdout has gone. */
  interruption(): AbortSignal {
    const controller = new AbortController()
    const abort = (reason: string) => controller.abort(new Interrupted(reason))
    const { signal } = this
    if (signal.aborted) abort(String(signal.reason))
    signal.addEventListener('abort', () => abort(String(signal.reason)), { once: true })
    this.stdout.once('error', () => abort('EPIPE'))
    return controller.signal
  }
}

/** A reader that has gone, as `head` does when it has enough, is no error. */
function ofStdout(error: NodeJS.ErrnoException): Error {
  return error.code === 'EPIPE' ? new Interrupted('EPIPE') : error
}

export async function whenAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}
