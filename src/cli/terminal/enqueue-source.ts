/** Where `enqueue` has its lookups from: the command line, a file, or standard input. */

import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { type FileFormat, type ReadRequest, readRequests } from '../../intake/read-requests.ts'
import { toLookup } from '../../intake/submit.ts'
import { UsageError } from './usage-error.ts'

export interface Source {
  requests: AsyncIterable<ReadRequest> | Iterable<ReadRequest>
  /** The size that progress is measured against; null: unknown. */
  totalBytes: number | null
  bytesRead(): number
  /** Few enough to be named one by one. */
  named: boolean
  /** Ends the reading, even if nothing more comes. */
  close(reason: Error): void
}

/** Checked before anything is enqueued: a mistyped command line enqueues nothing. */
export function fromArguments(ids: string[]): Source {
  for (const [index, connectionId] of ids.entries()) {
    const checked = toLookup({ connectionId })
    if (!checked.ok) throw new UsageError(`id ${index + 1} of ${ids.length}: ${checked.problem}; nothing was enqueued`)
  }
  const requests = ids.map((connectionId, index) => ({ line: index + 1, request: { connectionId } }))
  return { requests, totalBytes: null, bytesRead: () => 0, named: true, close: () => {} }
}

export async function fromFile(stdin: Readable, file: string, format: FileFormat | null): Promise<Source> {
  if (file === '-') return fromStream(stdin, format, null, () => 0)
  const info = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`--file: expected a file that can be read, got ${error.code} for ${file}`)
  })
  if (info.isDirectory()) throw new UsageError(`--file: expected a file, got the folder ${file}`)
  const stream = createReadStream(file)
  return fromStream(stream, format, info.isFile() ? info.size : null, () => stream.bytesRead)
}

function fromStream(
  stream: Readable,
  format: FileFormat | null,
  totalBytes: number | null,
  bytesRead: () => number,
): Source {
  stream.on('error', () => {}) // told by the read that fails
  const close = (reason: Error) => void stream.destroy(reason)
  return { requests: readRequests(stream, format), totalBytes, bytesRead, named: false, close }
}
