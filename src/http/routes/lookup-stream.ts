/**
 * Lookups as NDJSON, as many as somebody sends: a line of answer for each line, in order, once the lookup is on the queue.
 * Lines are read only as fast as Redis takes lookups and the answers are read, so memory stays flat.
 */

import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { firstOf, monotonic } from '../../clock.ts'
import type { Ack, Brought, Enqueued, NotEnqueued } from '../../intake/acknowledge.ts'
import { InvalidLookup, KeyConflict } from '../../intake/errors.ts'
import { type ReadRequest, readLookupLines } from '../../intake/read-requests.ts'
import { onBrokenOff } from '../broken-off.ts'
import { Problem } from '../problem.ts'
import { toProblem } from '../to-problem.ts'
import { type Intake, laneOf } from './intake.ts'

export async function streamLookups(intake: Intake, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  await intake.hall.ask(async () => {}) // without Redis nothing is begun
  const close = intake.openStream()
  reply.hijack()
  const gone = new AbortController()
  const leave = () => gone.abort(new Error('whoever asked has gone'))
  reply.raw.once('close', leave)
  const forget = onBrokenOff(request.raw, reply.raw, (problem) => gone.abort(problem))
  const end = firstOf(gone.signal, intake.stopping)
  try {
    // Closed at its end, because whoever still sends lines then would wait for somebody to read them.
    const headers = { ...reply.getHeaders(), 'content-type': 'application/x-ndjson', connection: 'close' }
    reply.raw.writeHead(200, headers as Record<string, string>)
    reply.raw.flushHeaders()
    const run = new StreamRun(intake, request, end.signal)
    await pipeline(Readable.from(run.answers(), { objectMode: false, highWaterMark: 65_536 }), reply.raw)
  } catch {
    reply.raw.destroy() // whoever asked has gone
  } finally {
    reply.raw.off('close', leave)
    forget()
    end.clear()
    if (!request.raw.complete) request.raw.socket.destroySoon()
    close()
  }
}

/** Whether there is room, and whether the token stands, is looked at so often: at each line it would cost more than the line. */
const CHECK_EVERY_MS = 200

class StreamRun {
  readonly #intake: Intake
  readonly #request: FastifyRequest
  readonly #end: AbortSignal
  /** Of what was read and is not answered yet. */
  readonly #lines: number[] = []
  /** All up to this line is on the queue, or named as no lookup. */
  #through = 0
  #hasFailed = false
  #checkedAt = Number.NEGATIVE_INFINITY

  constructor(intake: Intake, request: FastifyRequest, end: AbortSignal) {
    this.#intake = intake
    this.#request = request
    this.#end = end
  }

  async *answers(): AsyncGenerator<string> {
    const { interactive = false } = this.#request.query as { interactive?: boolean }
    try {
      const acks = this.#intake.standing.acknowledge(laneOf(interactive), this.#asked(), {}, this.#end)
      for await (const chunk of acks) yield this.#told(chunk)
    } catch (error) {
      const problem = this.#intake.stopping.aborted ? STOPPING : toProblem(error)
      yield `${JSON.stringify({ error: problem.message, code: problem.code, acknowledgedThrough: this.#through })}\n`
    }
  }

  async *#asked(): AsyncGenerator<Brought> {
    for await (const read of readLookupLines(this.#request.raw)) {
      const at = monotonic()
      if (at - this.#checkedAt >= CHECK_EVERY_MS) await this.#check(at)
      this.#lines.push(read.line)
      yield this.#brought(read)
    }
  }

  async #check(at: number): Promise<void> {
    await this.#intake.checkRoom()
    if (!this.#request.caller.stands()) throw new Problem('token-unknown', 'the token is not known any more')
    this.#checkedAt = at
  }

  #brought(read: ReadRequest): Brought {
    if ('problem' in read) return new InvalidLookup(read.problem)
    try {
      return this.#intake.ofCaller(this.#request, read.request)
    } catch (error) {
      return new InvalidLookup((error as Error).message)
    }
  }

  #told(chunk: Ack[]): string {
    const lines = this.#lines.splice(0, chunk.length)
    const count = chunk.filter((ack) => !('error' in ack)).length
    if (count > 0) this.#intake.accepted(this.#request, count)
    return chunk.map((ack, index) => `${JSON.stringify(this.#answer(ack, lines[index] ?? 0))}\n`).join('')
  }

  #answer(ack: Ack, line: number) {
    this.#hasFailed ||= 'error' in ack && !isOfTheLine(ack)
    if (!this.#hasFailed) this.#through = line
    return 'error' in ack ? { line, error: wordsOf(ack), code: codeOf(ack) } : lineOf(ack, line)
  }
}

const STOPPING = new Problem('stopping', 'the API stops; send the rest again')

function lineOf({ lookupId, connectionId, isNew }: Enqueued, line: number) {
  return { line, lookupId, connectionId, isNew }
}

/** It would be refused again. */
function isOfTheLine({ error }: NotEnqueued): boolean {
  return error instanceof InvalidLookup || error instanceof KeyConflict
}

function codeOf({ error }: NotEnqueued): string {
  if (error instanceof InvalidLookup) return 'invalid-request'
  if (error instanceof KeyConflict) return 'key-conflict'
  return toProblem(error).code
}

function wordsOf(ack: NotEnqueued): string {
  return isOfTheLine(ack) ? ack.error.message : toProblem(ack.error).message
}
