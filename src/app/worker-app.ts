/**
 * The composition root: builds every part of a worker process from the Config, and owns the order of start and stop.
 *
 * Start: Redis and its check first, because nothing else makes sense without; then the holds, because a worker that joins
 *        a held fleet must not begin with a call; then the workers; then what goes round beside them.
 * Stop:  not ready any more, so that nobody sends us anything; the rounds and probes, because they begin work; then the
 *        workers, which hand back what they cannot finish in time; then the fleet's list; the connections last, because
 *        everything above still speaks to Redis.
 */

import { deadline, monotonic, now, within } from '../clock.ts'
import { type Config, ConfigError } from '../config/config.ts'
import type { LookupEvent, Observe } from '../domain/event.ts'
import { HistoryWriter } from '../fleet/history-writer.ts'
import { logEvents } from '../observe/event-log.ts'
import { countEvents } from '../observe/event-metrics.ts'
import type { Logger } from '../observe/logger.ts'
import { createMetrics } from '../observe/metrics.ts'
import { placeInWords, type Redis } from '../redis/connections.ts'
import { MemoryPolicy } from '../redis/memory-policy.ts'
import { serviceOf, servicesKey } from '../redis/names.ts'
import { preflight } from '../redis/preflight.ts'
import { Pulse } from '../redis/pulse.ts'
import { unknownSchema } from '../redis/schema.ts'
import type { Upkeep } from '../upkeep/upkeep.ts'
import { REVISION, VERSION } from '../version.ts'
import { StuckWatch } from '../worker/stuck.ts'
import { isTraced } from './active-trace.ts'
import { Connections } from './connections.ts'
import { Health } from './health.ts'
import { type LazyCrier, lazyCrier } from './lazy-crier.ts'
import { Membership } from './membership.ts'
import { Rounds } from './rounds.ts'
import { startedDetails } from './started-details.ts'
import { buildBacklogHold, buildUpkeep } from './upkeep-parts.ts'
import { WorkerMetrics } from './worker-metrics.ts'
import { buildWorkerParts, type WorkerParts } from './worker-parts.ts'
import { queueNames } from './worker-settings.ts'

/** What the stop itself needs after SHUTDOWN_TIMEOUT_MS, to hand back and to close. */
const STOP_MARGIN_MS = 500
/** The time that connections get to close in good order. The end of the process closes the rest. */
const CLOSE_MS = 100

/** All of a worker process, built and not started. */
interface Built {
  redis: Redis
  /** The connection on which holds are announced as they begin and end. */
  news: Redis
  parts: WorkerParts
  membership: Membership
  history: HistoryWriter
  upkeep: Upkeep
  crier: LazyCrier | null
  rounds: Rounds
  health: Health
  metrics: WorkerMetrics
}

export class WorkerApp {
  readonly #config: Config
  readonly #connections: Connections
  readonly #built: Built
  readonly #observe: Observe
  readonly #hearers: Observe[]
  readonly #grace = new AbortController()
  readonly #closers: (() => Promise<void>)[] = []
  #stopped: Promise<boolean> | null = null

  /** Throws where a part cannot be built from the Config; then no connection is left open. */
  constructor(config: Config, logger: Logger) {
    this.#config = config
    const metrics = createMetrics({ version: VERSION, revision: REVISION })
    metrics.concurrency.set(config.concurrency + config.interactiveConcurrency)
    const hearers = [countEvents(metrics, () => now() / 1000), logEvents(logger, placeInWords(config).where, monotonic)]
    this.#hearers = hearers
    this.#observe = (event) => {
      for (const hear of hearers) hear(event)
    }
    this.#connections = new Connections(config, this.#observe)
    try {
      this.#built = this.#build(metrics)
    } catch (error) {
      this.#connections.close()
      throw error
    }
    const { health, membership, history } = this.#built
    hearers.push(
      (event: LookupEvent) => health.hear(event),
      (event: LookupEvent) => membership.hear(event),
      (event: LookupEvent) => history.hear(event),
    )
  }

  get health(): Health {
    return this.#built.health
  }

  get metrics(): WorkerMetrics {
    return this.#built.metrics
  }

  /** Starts once Redis is there and fit. Throws a ConfigError if it is not fit; then nothing is left open. */
  async start(): Promise<void> {
    try {
      await this.#start()
    } catch (error) {
      await this.stop('could not start')
      throw error
    }
  }

  /** Adds something that is closed at the very end of a stop: the HTTP server, so that metrics can be read until then. */
  closeLast(close: () => Promise<void>): void {
    this.#closers.push(close)
  }

  /** Stops. Called again while stopping, hands everything back at once. True if no lookup was left behind. */
  stop(reason: string): Promise<boolean> {
    if (this.#stopped) this.#grace.abort(new Error('stopped twice'))
    this.#stopped ??= this.#stop(reason)
    return this.#stopped
  }

  async #start(): Promise<void> {
    const { redis, parts, rounds } = this.#built
    const { problems, unknown } = await preflight(redis, placeInWords(this.#config).variable)
    if (problems.length > 0) throw new ConfigError(problems)
    const newer = await unknownSchema(redis, queueNames(this.#config))
    if (newer !== null) throw new ConfigError([newer])
    for (const what of unknown) this.#observe({ type: 'redis-unknown', what })
    if (isTraced()) this.#hearers.push((await import('../observe/tracing.ts')).traceEvents(VERSION))
    await this.#heedHolds()
    await parts.results.prepare()
    for (const worker of parts.workers) await worker.start()
    await rounds.start()
    this.#observe({ type: 'started', what: 'worker', details: startedDetails(this.#config) })
  }

  async #stop(reason: string): Promise<boolean> {
    const startedAt = monotonic()
    const { shutdownTimeoutMs } = this.#config
    const { parts, rounds, membership, history, upkeep, crier } = this.#built
    this.#observe({ type: 'stopping', reason })
    rounds.stop()
    parts.keeper.stop()
    const grace = deadline(shutdownTimeoutMs, () => new Error('shutdown'), this.#grace.signal)
    const workers = Promise.all(parts.workers.map((worker) => worker.stop(grace.signal)))
    const clean = (await within(shutdownTimeoutMs + STOP_MARGIN_MS, workers)) !== 'late'
    grace.clear()
    const farewells = () => [parts.gate.flush(), history.flush(), membership.leave(), upkeep.leave(), crier?.leave()]
    if (clean) await within(STOP_MARGIN_MS / 2, Promise.allSettled(farewells()))
    await within(CLOSE_MS, this.#close())
    this.#observe({ type: 'stopped', clean, durationMs: monotonic() - startedAt })
    return clean
  }

  async #close(): Promise<void> {
    this.#connections.close()
    await Promise.allSettled([this.#built.parts.soap.close(), ...this.#closers.map((close) => close())])
  }

  /** Before the first lookup is taken. */
  async #heedHolds(): Promise<void> {
    const { redis, news, parts } = this.#built
    const url = new URL(this.#config.soapEndpoint ?? '')
    await redis.hset(servicesKey(queueNames(this.#config)), serviceOf(url.href), url.host)
    news.on('message', () => void parts.keeper.hear().catch(() => {})) // it looks twice a second all the same
    await news.subscribe(parts.holds.channel)
    await parts.keeper.start()
  }

  #build(counted: ReturnType<typeof createMetrics>): Built {
    const [config, observe] = [this.#config, this.#observe]
    const redis = this.#connections.patient('worker')
    const forCalls = this.#connections.patient('calls')
    const quickRedis = this.#connections.impatient('health')
    const news = this.#connections.patient('news')
    const parts = buildWorkerParts(config, redis, forCalls, observe)
    const { workers, keeper } = parts
    const membership = new Membership(redis, config)
    const history = new HistoryWriter(quickRedis, queueNames(config))
    const upkeep = buildUpkeep(config, redis, parts, membership.id, observe)
    const backlogHold = buildBacklogHold(config, redis, parts, observe)
    const pulse = new Pulse(quickRedis, servicesKey(queueNames(config)))
    const memory = new MemoryPolicy(quickRedis, observe)
    const stuckWatch = new StuckWatch(workers, pulse)
    const isStopping = () => this.#stopped !== null
    const inProgress = () => workers.reduce((sum, worker) => sum + worker.inProgress, 0)
    const beat = () => membership.beat({ inProgress: inProgress(), stopping: isStopping() })
    const crier = lazyCrier(config, quickRedis, membership.id, observe)
    const looks = { upkeep, backlogHold, crier, stuckWatch, watches: [pulse, memory] }
    const rounds = new Rounds({ beat, history, ...looks }, observe)
    const health = new Health({ isStopping, redis: pulse, memory, workers, stuckWatch })
    const metrics = new WorkerMetrics(counted, quickRedis, config, { pulse, keeper, inProgress })
    return { redis, news, parts, membership, history, upkeep, crier, rounds, health, metrics }
  }
}
