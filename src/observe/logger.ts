/** Log lines. JSON for machines, pretty on a terminal; always on stderr, so that stdout carries data alone. */

import { type DestinationStream, type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

export type { Logger } from 'pino'

export interface LogSettings {
  logLevel: string
  logFormat: 'json' | 'pretty' | null
}

const STDERR = 2

export function createLogger({ logLevel, logFormat }: LogSettings, isTerminal = process.stderr.isTTY): Logger {
  const options = { level: logLevel, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime }
  const format = logFormat ?? (isTerminal ? 'pretty' : 'json')
  if (format === 'json') return pino(options, pino.destination({ dest: STDERR, sync: true }))
  return pino(options, pretty({ destination: STDERR, sync: true, ignore: 'pid' }) as DestinationStream)
}
