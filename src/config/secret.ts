/** Secrets: read when they are used, so that a file that changes takes effect without a restart. */

import { readFileSync, statSync } from 'node:fs'
import { monotonic } from '../clock.ts'

export type Secret = () => string

const LOOK_EVERY_MS = 1000

export function secretValue(value: string): Secret {
  return () => value
}

/**
 * The contents of a file less one trailing newline, read again when the file has changed (looked at once a second). If it
 * is gone or empty for a moment, as while it is replaced, what was read last stands. Throws the system's
 * error code when it cannot be read at first.
 */
export function secretFile(path: string): Secret {
  let contents = readTrimmed(path)
  let stamp = stampOf(path)
  let lookedAt = monotonic()
  return () => {
    if (monotonic() - lookedAt < LOOK_EVERY_MS) return contents
    lookedAt = monotonic()
    try {
      const newStamp = stampOf(path)
      if (newStamp !== stamp) contents = readTrimmed(path) || contents
      stamp = newStamp
    } catch {
      // Being replaced: ask again in a second.
    }
    return contents
  }
}

function readTrimmed(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    throw new Error((error as NodeJS.ErrnoException).code, { cause: error })
  }
}

function stampOf(path: string): string {
  const { mtimeMs, size, ino } = statSync(path)
  return `${mtimeMs}:${size}:${ino}`
}
