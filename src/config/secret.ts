/** Secrets are read each time they are used, so that a changed file takes effect without a restart. */

import { isUtf8 } from 'node:buffer'
import { readFileSync, statSync } from 'node:fs'
import { monotonic } from '../clock.ts'

export interface Secret {
  (): string
  /** Of a file: why what it holds now does not count, without a word of it; null: it counts. */
  trouble?(): string | null
}

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
  const file = {
    contents: readTrimmed(path),
    stamp: stampOf(path),
    lookedAt: monotonic(),
    trouble: null as string | null,
  }
  const look = () => {
    if (monotonic() - file.lookedAt < LOOK_EVERY_MS) return
    file.lookedAt = monotonic()
    try {
      const stamp = stampOf(path)
      if (stamp === file.stamp) return
      const contents = readTrimmed(path)
      file.contents = contents || file.contents
      file.trouble = contents === '' ? 'it is empty' : null
      file.stamp = stamp
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      file.trouble = code === undefined ? message : `it cannot be read (${code})`
      file.stamp = '' // it may come back as it was
    }
  }
  const secret = () => {
    look()
    return file.contents
  }
  const trouble = () => {
    look()
    return file.trouble
  }
  return Object.assign(secret, { trouble })
}

function readTrimmed(path: string): string {
  return withoutBom(textOf(bytesOf(path))).replace(/\r?\n$/, '')
}

function bytesOf(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw Object.assign(new Error(code, { cause: error }), { code })
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
