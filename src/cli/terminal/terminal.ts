/** What every command says to a person, and how: data on stdout, all else on stderr. */

import { once } from 'node:events'

export function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** Writes to stdout and resolves when it has left this process, so that a slow reader slows us down. */
export async function print(text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(`${text}\n`, (error) => (error ? reject(ofStdout(error)) : resolve()))
  })
}

/** A reader that has gone, as `head` does when it has enough, is no error. */
function ofStdout(error: NodeJS.ErrnoException): Error {
  return error.code === 'EPIPE' ? new Interrupted('EPIPE') : error
}

/** What goes wrong with stdout and stderr is told by the write that fails; unheard, it would end the process at once. */
export function hearStandardStreams(): void {
  process.stdout.on('error', () => {})
  process.stderr.on('error', () => {})
}

/** Aborts on the first SIGINT or SIGTERM (a second one ends the process), or when whoever reads stdout has gone. */
export function interruption(): AbortSignal {
  const controller = new AbortController()
  const abort = (reason: string) => () => controller.abort(new Interrupted(reason))
  process.once('SIGINT', abort('SIGINT'))
  process.once('SIGTERM', abort('SIGTERM'))
  process.stdout.once('error', abort('EPIPE'))
  return controller.signal
}

export class Interrupted extends Error {}

/** Of cli-table3: no colours (the table may go to a file), one line a row. */
export const PLAIN = { head: [], border: [] }
export const NO_LINES_BETWEEN = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }

export const number = new Intl.NumberFormat('en-US')

/** "1 result", "2,000 results". */
export function counted(count: number, what: string): string {
  return `${number.format(count)} ${what}${count === 1 ? '' : 's'}`
}

export function seconds(ms: number): string {
  const s = ms / 1000
  if (s < 1) return `${Math.round(ms)} ms`
  if (s < 90) return `${s.toFixed(1)} s`
  if (s < 5400) return `${(s / 60).toFixed(0)} min`
  return `${(s / 3600).toFixed(1)} h`
}

export async function whenAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}
