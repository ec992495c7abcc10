/** Secrets are read each time they are used, so that a changed file takes effect without a restart. */

import { isUtf8 } from 'node:buffer'
import { readFileSync, statSync } from 'node:fs'
import { monotonic } from '../clock.ts'

export type Secret = () => string

const LOOK_EVERY_MS = 1000

export function secretValue(value: string): Secret {
  const text = withoutBom(value)
  return () => text
}

/**
 * The contents of a file without a byte order mark and without one trailing newline. The file is looked at once a second
 * and read again when it has changed. While it is gone, empty or no text, as when it is being replaced, the last contents
 * stand. Throws if it cannot be read the first time: the system's error code, or what the file holds instead of text.
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
      // The file is being replaced: look again in a second.
    }
    return contents
  }
}

function readTrimmed(path: string): string {
  return withoutBom(textOf(bytesOf(path))).replace(/\r?\n$/, '')
}

function bytesOf(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new Error((error as NodeJS.ErrnoException).code, { cause: error })
  }
}

/**
 * An editor or PowerShell may have saved the text as UTF-16 or with a mark. Sent as it is, the service would see other
 * credentials.
 */
function textOf(bytes: Buffer): string {
  const [first, second] = bytes
  const hasMark = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
  if (hasMark) throw new Error('it is UTF-16: save it as UTF-8')
  if (bytes.includes(0)) throw new Error('it is UTF-16 without a byte order mark, or no text: save it as UTF-8')
  if (!isUtf8(bytes)) throw new Error('it holds bytes that are not UTF-8: save it as UTF-8')
  return bytes.toString('utf8')
}

function withoutBom(text: string): string {
  return text.replace(/^\uFEFF/, '')
}

function stampOf(path: string): string {
  const { mtimeMs, size, ino } = statSync(path)
  return `${mtimeMs}:${size}:${ino}`
}
