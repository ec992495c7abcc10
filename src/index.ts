/**
 * chat-enricher as a library: puts lookups on the queues of a fleet, waits for their results, consumes results, and says how
 * the fleet is. It needs Redis alone; the workers that call the service run elsewhere (`chat-enricher worker`).
 */

import { hostname } from 'node:os'
import { activeTrace } from './app/active-trace.ts'
import { AwaitedLookups, type Cancel } from './app/awaited-lookups.ts'
import { StandingHall } from './app/standing-hall.ts'
import { firstOf, orAborted } from './clock.ts'
import { ConfigError } from './config/config.ts'
import { configFromOptions, publishingDefaults, type RedisOptions } from './config/from-options.ts'
import type { Lane } from './domain/lane.ts'
import { parseLookup } from './domain/lookup.ts'
import type { Result } from './domain/result.ts'
import { parseSelection, type Selection } from './domain/selection.ts'
import type { LookupView } from './fleet/find.ts'
import { DEFAULT_RATE, type Refused } from './fleet/paced.ts'
import type { FleetStatus } from './fleet/status.ts'
import type { Ack, Enqueued } from './intake/acknowledge.ts'
import { InvalidSelection } from './intake/errors.ts'

export type { ChatRequest, ServiceResponse } from './domain/chat-request.ts'
export type { FailureCode } from './domain/failure.ts'
export type { ResultFailure, ResultStatus } from './domain/result.ts'
export type { NotEnqueued } from './intake/acknowledge.ts'
export {
  Closed,
  InvalidLookup,
  InvalidSelection,
  KeyConflict,
  LookupTimeout,
  RedisUnavailable,
  ResultGone,
} from './intake/errors.ts'
export type { Ack, Enqueued, FleetStatus, LookupView, Refused, Result, Selection }
export { ConfigError }

/** Where Redis is and which queues: each option is the variable of that name, with its default. No environment is read. */
export interface ChatEnricherOptions extends RedisOptions {
  /** Who asks, of every lookup that does not say: 1 to 64 characters of A-Z a-z 0-9 . _ - */
  producer?: string | undefined
}

/** What is asked. Unknown fields are refused by the types, and passed over at run time. */
export interface LookupRequest {
  /** 1 to 256 characters without control characters; sent to the service as it is, never trimmed. */
  connectionId: string
  /** Up to 256 characters that come back in the result. */
  correlationId?: string
  /** Who asks: 1 to 64 characters of A-Z a-z 0-9 . _ -; it comes back in the result, and `status` counts by it. */
  producer?: string
  /** Up to 4 KiB of JSON that come back in the result. */
  metadata?: Record<string, unknown>
  /** ISO 8601 date and time: after this the lookup ends as `failed`, code `expired`. */
  expiresAt?: string
  /** Of W3C Trace Context; it comes back in the result. If not said: that of the span that is active, where there is one. */
  traceparent?: string
  /**
   * Where the result goes: on the result queue (`queue`, what `enqueue` does if not said), or to whoever asks for it by the
   * lookup id within RESULT_KEEP_MS of the workers (`wait`, what `lookup` does).
   */
  deliver?: 'queue' | 'wait'
  /** 1 to 1,024 characters. The same key of the same producer again is the same lookup, and gets no second result. */
  idempotencyKey?: string
  /** 1 (the most urgent) to 2,097,151; one without comes before all that have one. */
  priority?: number
  /** Milliseconds before which the lookup is not taken. */
  delayMs?: number
}

export interface Abortable {
  /** An abort rejects with the signal's reason. */
  signal?: AbortSignal
}

export interface EnqueueOptions extends Abortable {
  /** Onto the queue of the lookups that a person waits for. */
  interactive?: boolean
}

export interface LookupOptions extends Abortable {
  /** Milliseconds until a LookupTimeout; 60,000 if not said. */
  timeoutMs?: number
  /**
   * A lookup that comes too late is cancelled, unless a worker has it in hand; the LookupTimeout says so. Whoever else
   * waits for it, with the same idempotency key, gets the result `failed`, code `cancelled`.
   */
  cancelOnTimeout?: boolean
}

export interface CancelOptions extends Abortable {
  /** Lookups a second; 100 if not said. */
  ratePerSecond?: number
}

/** What became of lookups that were to be cancelled: what `chat-enricher cancel --json` prints. */
export interface CancelEnd {
  /** So many have ended as `failed`, code `cancelled`. */
  cancelled: number
  /**
   * The others, the first thousand of them, with why: `active`: a worker has it in hand; `ended`: it has had its result; `gone`: it is
   * unknown; `changed` or `moved`: ask again.
   */
  refused: Refused[]
  looked: number
}

export interface ConsumeOptions {
  /** Results that are handled at the same time; 1 if not said. */
  concurrency?: number
  /** Hears of trouble with Redis, which passes by itself. */
  onError?: (error: Error) => void
}

/** A consumer of results. */
export interface Consumer extends AsyncDisposable {
  /** Takes no more results, and resolves once the handlers that run have ended. */
  close(): Promise<void>
}

const LOOKUP_TIMEOUT_MS = 60_000

/**
 * A door to a fleet. It has connections of its own, which are opened at first use and keep the process alive until `close`.
 * While Redis is away, calls reject with RedisUnavailable within seconds; once it is back, they work again. After `close`
 * every call rejects with `Closed`.
 *
 * @example
 * await using enricher = new ChatEnricher({ redisUrl: 'redis://127.0.0.1:6379' })
 * const result = await enricher.lookup({ connectionId: '12345' }, { timeoutMs: 10_000 })
 */
export class ChatEnricher implements AsyncDisposable {
  readonly #hall: StandingHall
  readonly #awaited: AwaitedLookups

  readonly #producer: { producer?: string }

  /** Connects to nothing yet. Throws a ConfigError that names each option that is wrong. */
  constructor({ producer, ...options }: ChatEnricherOptions = {}) {
    this.#producer = producer === undefined ? {} : { producer: checkedProducer(producer) }
    this.#hall = new StandingHall(configFromOptions(options), 'library')
    this.#awaited = new AwaitedLookups(this.#hall)
  }

  /**
   * Puts a lookup on the queue; its result goes to whoever consumes the result queue. Rejects with InvalidLookup, KeyConflict
   * or RedisUnavailable (whose `mayBeOnQueue` says whether Redis went away in the middle).
   */
  enqueue(request: LookupRequest, { interactive, signal }: EnqueueOptions = {}): Promise<Enqueued> {
    return this.#run(signal, () =>
      this.#hall.enter((_, acknowledger) => acknowledger.one(laneOf(interactive), this.#ours(request))),
    )
  }

  /**
   * Puts lookups on the queue as the source brings them, and yields an acknowledgement for each, in their order: it is on the
   * queue, or why it is not. A bad one does not stop the others. The source is asked for more only as fast as Redis takes
   * lookups and acknowledgements are read, so memory stays flat. Rejects with RedisUnavailable, the source's error or the
   * signal's reason, after the acknowledgements of all that was sent: what was read and not acknowledged is not on the queue.
   */
  async *enqueueMany(
    requests: AsyncIterable<LookupRequest> | Iterable<LookupRequest>,
    { interactive, signal }: EnqueueOptions = {},
  ): AsyncGenerator<Ack, void, undefined> {
    signal?.throwIfAborted()
    for await (const acks of this.#hall.acknowledge(laneOf(interactive), requests, this.#producer, signal)) yield* acks
  }

  /**
   * Puts a lookup on the interactive queue and waits for its result, whatever its status. Rejects as `enqueue` does; with
   * LookupTimeout if there is none in time (the lookup stays, unless `cancelOnTimeout`); with ResultGone if an earlier one with the same idempotency key
   * had its result, and that is not kept any more. A Redis that goes away for a moment does not end the wait.
   */
  lookup(request: LookupRequest, options: LookupOptions = {}): Promise<Result> {
    const { timeoutMs = LOOKUP_TIMEOUT_MS, cancelOnTimeout = false, signal } = options
    const cancel: Cancel = (hall, lookupId) => hall.cancelUnawaited(publishing(), lookupId)
    const late = cancelOnTimeout ? cancel : undefined
    return this.#run(signal, (end) => this.#awaited.lookup(this.#ours(request), timeoutMs, end, late))
  }

  /**
   * Takes results off the result queue, each once `handler` has resolved. A result whose handler rejects comes again, ten
   * times in eight minutes, and then lies in the queue's failed set. Delivery is at least once: upsert on `lookupId` and
   * `redrive`. Waits for Redis as long as it takes. Ends with the enricher, or by its own `close`.
   */
  consumeResults(handler: (result: Result) => Promise<void> | void, options: ConsumeOptions = {}): Consumer {
    const worker = this.#hall.consume(async (result) => handler(result), options)
    const close = () => worker.close()
    return { close, [Symbol.asyncDispose]: close }
  }

  /** The fleet: what `chat-enricher status --json` prints. */
  status({ signal }: Abortable = {}): Promise<FleetStatus> {
    return this.#run(signal, () => this.#hall.enter((hall) => hall.status()))
  }

  /**
   * The lookups that the selection means, each with why it waits: what `chat-enricher find --json` prints. In steps that leave Redis to others. Lookups move
   * meanwhile; one that is there all the time is found. Rejects with InvalidSelection where it is none.
   */
  async *find(selection: Selection, { signal }: Abortable = {}): AsyncGenerator<LookupView, void, undefined> {
    const parsed = parseSelection(selection)
    if (!parsed.ok) throw new InvalidSelection(parsed.problem)
    for await (const { lookups } of this.#hall.find(parsed.selection, signal)) yield* lookups
  }

  /**
   * Ends lookups that no worker has in hand: each gets its one result, `failed` with code `cancelled`. Others are left as they
   * are, and named. Waits while results pile up. Stopped in the middle, it has done what it has done; asked again, it does the rest.
   */
  cancel(lookupIds: readonly string[], options: CancelOptions = {}): Promise<CancelEnd> {
    const { ratePerSecond = DEFAULT_RATE, signal } = options
    const which = { lookupIds: [...new Set(lookupIds)] }
    const who = `${this.#producer.producer ?? 'library'}@${hostname()}`
    return this.#run(signal, (end) =>
      this.#hall.enter(async (hall) => {
        const ended = await hall.cancel(publishing(), which, { who, ratePerSecond, signal: end })
        return { cancelled: ended.done, refused: ended.refused, looked: ended.looked }
      }),
    )
  }

  /** Waits for handlers of results that run, ends everything else with `Closed`, and closes the connections. */
  close(): Promise<void> {
    return this.#hall.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #ours(request: LookupRequest): LookupRequest {
    return { ...this.#producer, ...activeTrace(), ...request }
  }

  /** Ends with what was asked, the signal's reason, or `Closed`, whatever is first. */
  async #run<T>(signal: AbortSignal | undefined, ask: (end: AbortSignal) => Promise<T>): Promise<T> {
    const end = firstOf(this.#hall.closing, signal)
    try {
      end.signal.throwIfAborted()
      return await orAborted(ask(end.signal), end.signal)
    } finally {
      end.clear()
    }
  }
}

function laneOf(interactive = false): Lane {
  return interactive ? 'interactive' : 'batch'
}

/** As workers have it that were told nothing else. */
function publishing() {
  const { resultMarkerTtlMs: markerTtlMs, resultKeepMs: keepMs, ...same } = publishingDefaults()
  return { markerTtlMs, keepMs, ...same }
}

function checkedProducer(producer: string): string {
  const parsed = parseLookup({ connectionId: 'any', producer })
  if (!parsed.ok) throw new ConfigError([parsed.problem])
  return producer
}
