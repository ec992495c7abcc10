/** A process that runs until it is told to stop. */

/** Time for the last log lines to be read. */
export const LOG_MARGIN_MS = 100

/** Does `stop` with what asked for it, once. Resolves to what that resolves to. */
export function stoppedBy<T>(signal: AbortSignal, stop: (reason: string) => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const begin = () => void stop(String(signal.reason)).then(resolve, reject)
    if (signal.aborted) begin()
    else signal.addEventListener('abort', begin, { once: true })
  })
}

/** Says which variable names the port that somebody else has. */
export function asPortProblem(variable: string): (error: NodeJS.ErrnoException & { port?: number }) => never {
  return (error) => {
    if (error.code !== 'EADDRINUSE') throw error
    throw new Error(`${variable}: expected a free port (0: any), got ${error.port}, which is in use`)
  }
}
