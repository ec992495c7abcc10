/** Log lines. JSON for machines, pretty on a terminal. */

import { Writable } from 'node:stream'
import { type DestinationStream, type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

export type { Logger } from 'pino'

export interface LogSettings {
  logLevel: string
  logFormat: 'json' | 'pretty' | null
}

/** Bytes that may lie unread when the reader of stderr has stopped reading; after that lines are dropped. */
const MOST_UNREAD = 1 << 20

/**
 * Never waits for its reader, because a full pipe must not stop lookups. What the operating system takes at once is
 * written at once, as by a synchronous log.
 */
class Unwaited extends Writable {
  readonly #out: Writable

  constructor(out: Writable) {
    super({ decodeStrings: false })
    this.#out = out
  }

  override _write(line: string | Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#out.writableLength < MOST_UNREAD) this.#out.write(line)
    done()
  }
}

export function createLogger({ logLevel, logFormat }: LogSettings, out: Writable & { isTTY?: boolean }): Logger {
  const options = { level: logLevel, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime }
  const format = logFormat ?? (out.isTTY ? 'pretty' : 'json')
  if (format === 'json') return pino(options, new Unwaited(out))
  return pino(options, pretty({ destination: new Unwaited(out), ignore: 'pid' }) as DestinationStream)
}

/** Resolves when every line has left this process; never resolves while nobody reads. */
export function logWritten(out: Writable): Promise<void> {
  return new Promise((resolve) => out.write('', () => resolve()))
}
