/**
 * Standard output that is a file. Node's own writes to a file once and takes no notice of what the disk had no room for, so
 * that a line cut in two would count as written.
 */

import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { Writable } from 'node:stream'

const LINE_FEED = 0x0a

export function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile()
  } catch {
    return false // closed before we were started
  }
}

/** A write has ended once all its bytes are in the file, or fails. */
export class FileOutput extends Writable {
  readonly #fd: number
  #isFresh = true

  constructor(fd: number) {
    super({ decodeStrings: true })
    this.#fd = fd
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    try {
      if (this.#isFresh && endsInsideALine(this.#fd)) writeAll(this.#fd, Buffer.from([LINE_FEED]))
      this.#isFresh = false
      writeAll(this.#fd, chunk)
      done()
    } catch (error) {
      done(
        new Error(`stdout: expected to write to its file, got ${(error as NodeJS.ErrnoException).code}`, {
          cause: error,
        }),
      )
    }
  }
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written)
}

/** What is appended to would be glued to half a line that a full disk, or a kill, left there. */
function endsInsideALine(fd: number): boolean {
  const { size } = fstatSync(fd)
  if (size === 0) return false
  try {
    return lastByte(fd, size) !== LINE_FEED
  } catch {
    return true // it cannot be read: an empty line does less harm than two lines in one
  }
}

/** By a name of its own, because `>>` opens a file for writing alone. */
function lastByte(fd: number, size: number): number | undefined {
  const reader = openSync(`/dev/fd/${fd}`, 'r')
  try {
    const byte = Buffer.alloc(1)
    readSync(reader, byte, 0, 1, size - 1)
    return byte[0]
  } finally {
    closeSync(reader)
  }
}
