/** What this process has for a command: its environment, its streams, and the signals that it gets. */

import type { Readable } from 'node:stream'
import { FileOutput, isFile } from './file-output.ts'
import type { Output, RunOptions } from './io.ts'

/** 'disconnect': the process that forked this one is gone. */
const ASK_TO_STOP = ['SIGINT', 'SIGTERM', 'disconnect'] as const

/** Signals are listened to when a command asks for them; until then, the first one ends the process. */
export class ProcessOptions implements RunOptions {
  readonly env = process.env
  readonly stdout: Output = isFile(1) ? new FileOutput(1) : process.stdout
  readonly stderr = process.stderr
  #signal: AbortSignal | null = null
  #hurry: AbortSignal | null = null

  get stdin(): Readable {
    return process.stdin
  }

  /** The second signal of a kind ends the process, unless the command asks for `hurry`, too. */
  get signal(): AbortSignal {
    this.#signal ??= onSignals((name, stop) => process.once(name, () => stop.abort(name)))
    return this.#signal
  }

  get hurry(): AbortSignal {
    let count = 0
    this.#hurry ??= onSignals((name, stop) =>
      process.on(name, () => {
        if (++count > 1) stop.abort(name)
      }),
    )
    return this.#hurry
  }
}

function onSignals(listen: (name: NodeJS.Signals, stop: AbortController) => void): AbortSignal {
  const stop = new AbortController()
  // The channel to a parent keeps a process alive while somebody listens to its end.
  const names = ASK_TO_STOP.filter((name) => name !== 'disconnect' || process.connected)
  for (const name of names) listen(name as NodeJS.Signals, stop)
  return stop.signal
}
