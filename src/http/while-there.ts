/** Work that may take minutes, as long as whoever asked for it is there. */

import type { FastifyRequest } from 'fastify'
import { Problem } from './problem.ts'
import { mayRest } from './stalls.ts'

/** A walk over millions of lookups, which leaves workers their pace. */
const TAKES_MS = 600_000

/** `signal` aborts when whoever asked has gone. */
export async function whileThere<T>(
  { raw }: FastifyRequest,
  work: (signal: AbortSignal) => Promise<T>,
  ms = TAKES_MS,
): Promise<T> {
  const gone = new AbortController()
  const leave = () => gone.abort(new Problem('request-stalled', 'whoever asked has gone'))
  raw.socket.once('close', leave)
  mayRest(raw.socket, ms)
  try {
    return await work(gone.signal)
  } finally {
    raw.socket.off('close', leave)
    mayRest(raw.socket, 0)
  }
}
