/**
 * Server-sent events to one client: a heartbeat, a bound for what lies unread, and the end of a client that reads nothing, or
 * may not any more.
 */

import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { every, monotonic } from '../clock.ts'
import type { Observe } from '../domain/event.ts'
import { Problem, type ProblemCode } from './problem.ts'
import { mayRest } from './stalls.ts'

const MOST_STREAMS = 100
/** So much may lie unread; no more is written until it has gone. */
const MOST_UNREAD_BYTES = 262_144

/** A stream has no end, so nobody can be told what its head alone would be. */
export const NO_HEAD = { exposeHeadRoute: false } as const

export interface StreamTimes {
  /** A heartbeat comes so often, or sooner. */
  heartbeatMs: number
  /** Whoever reads nothing for so long is cut; it may come again. */
  slowMs: number
  lookMs: number
}
const TIMES: StreamTimes = { heartbeatMs: 15_000, slowMs: 30_000, lookMs: 2_000 }

/** Those of one route that are open. */
export class EventStreams {
  readonly #open = new Set<EventStream>()
  readonly #observe: Observe
  readonly #stopping: AbortSignal
  readonly #times: StreamTimes

  constructor(observe: Observe, stopping: AbortSignal, times = TIMES) {
    this.#observe = observe
    this.#stopping = stopping
    this.#times = times
    stopping.addEventListener('abort', () => {
      for (const stream of this.#open) stream.stop('stopping')
    })
  }

  /** Throws where there are too many, or the API stops. The stream says nothing before it begins. */
  open({ caller }: FastifyRequest, reply: FastifyReply): EventStream {
    if (this.#stopping.aborted) throw new Problem('stopping', 'the API stops; come again')
    if (this.#open.size >= MOST_STREAMS)
      throw new Problem('too-many-streams', `${MOST_STREAMS} streams of this kind are open already`)
    const stream = new EventStream(reply, () => caller.stands(), this.#times)
    this.#open.add(stream)
    this.#observe({ type: 'stream-opened' })
    stream.onEnd(() => {
      this.#open.delete(stream)
      this.#observe({ type: 'stream-closed' })
    })
    return stream
  }
}

export class EventStream {
  readonly #reply: FastifyReply
  readonly #raw: ServerResponse
  readonly #stands: () => boolean
  readonly #times: StreamTimes
  #hasHead = false
  #stops: ProblemCode | null = null
  #slowSince: number | null = null
  #saidAt = monotonic()

  constructor(reply: FastifyReply, stands: () => boolean, times: StreamTimes) {
    this.#reply = reply
    this.#raw = reply.raw
    this.#stands = stands
    this.#times = times
  }

  onEnd(ended: () => void): void {
    this.#raw.once('close', ended)
  }

  /** From here on it is an answer of 200. `ended` is called also if whoever asked has gone already. */
  begin(ended: () => void): void {
    this.#reply.hijack()
    const watch = every(this.#times.lookMs, () => this.#watch())
    const end = () => {
      watch.stop()
      ended()
    }
    this.#raw.once('close', end)
    if (this.#raw.destroyed) end()
    else this.#sayHead()
  }

  #sayHead(): void {
    const headers = { ...this.#reply.getHeaders(), 'content-type': 'text/event-stream', 'cache-control': 'no-store' }
    mayRest(this.#raw.socket as NonNullable<ServerResponse['socket']>, this.#times.slowMs)
    this.#raw.writeHead(200, headers as Record<string, string>)
    this.#raw.flushHeaders()
    this.#hasHead = true
    this.say('retry: 2000\n\n')
    if (this.#stops !== null) this.stop(this.#stops)
  }

  /** More can be said, because what was said has been read. */
  get isReady(): boolean {
    return this.#hasHead && this.#raw.writableLength < MOST_UNREAD_BYTES
  }

  say(text: string): void {
    if (this.#raw.writableEnded || this.#raw.destroyed) return
    this.#raw.write(text)
    this.#saidAt = monotonic()
  }

  /** `code` says why. */
  stop(code: ProblemCode): void {
    this.#stops = code
    if (this.#hasHead) this.#raw.end(`event: stopping\ndata: ${JSON.stringify({ code })}\n\n`)
  }

  #watch(): void {
    const { heartbeatMs, slowMs, lookMs } = this.#times
    const at = monotonic()
    if (this.isReady) this.#slowSince = null
    else this.#slowSince ??= at
    if (!this.#stands()) this.stop('token-unknown')
    else if (this.#slowSince !== null && at - this.#slowSince >= slowMs) this.#raw.destroy()
    else if (this.isReady && at - this.#saidAt >= heartbeatMs - lookMs) this.say(': still here\n\n')
  }
}
