/**
 * The composition root: builds every part of a worker process from the Config, and owns the order of start and stop.
 *
 * Start: Redis and its check first (nothing else makes sense without), then the workers, then what watches.
 * Stop:  not ready any more, so that nobody sends us anything; then the workers, which hand back what they cannot finish
 *        in time; then the fleet's list; the connections last, because everything above still speaks to Redis.
 */

import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { deadline, every, iso, monotonic, now, within } from './clock.ts'
import { type Config, ConfigError } from './config.ts'
import type { Observe } from './domain/event.ts'
import { LANES, type Lane } from './domain/lane.ts'
import { Gate } from './gate/gate.ts'
import { LastAnswers } from './gate/last-answer.ts'
import { logEvents } from './observe/event-log.ts'
import { countEvents } from './observe/event-metrics.ts'
import type { Logger } from './observe/logger.ts'
import { createMetrics, type Metrics } from './observe/metrics.ts'
import { QueueCollector, type QueueReading } from './observe/queue-collector.ts'
import { Fleet, MEMBER_BEAT_MS, type Member } from './queues/fleet.ts'
import { LookupHistories } from './queues/lookup-history.ts'
import { LookupQueues, openQueue } from './queues/lookup-queue.ts'
import type { QueueNames } from './queues/names.ts'
import { Pulse } from './queues/pulse.ts'
import { readQueues } from './queues/queue-state.ts'
import { Reconciler } from './queues/reconciler.ts'
import { impatientConnection, patientConnection, preflight, type Redis, redisTrouble } from './queues/redis.ts'
import { ResultQueue } from './queues/result-queue.ts'
import { UnreadableJobs } from './queues/unreadable.ts'
import { SoapClient } from './soap/client.ts'
import { soapSettings } from './soap-settings.ts'
import { REVISION, VERSION } from './version.ts'
import { ChargeDecision } from './worker/charge.ts'
import { Enricher } from './worker/enrich.ts'
import { LookupRuns } from './worker/lookup-run.ts'
import { LookupWorker } from './worker/lookup-worker.ts'
import { UPKEEP_EVERY_MS, Upkeep } from './worker/upkeep.ts'

export interface Health {
  ready: boolean
  /** Why not, if it is not. */
  reasons: string[]
}

/** Delays, retention and expiry are by this machine's clock: too far off, it would end other members' lookups early. */
const MAX_CLOCK_SKEW_MS = 5_000
/** What the stop itself needs after SHUTDOWN_TIMEOUT_MS: to hand back and to close. */
const STOP_MARGIN_MS = 500

export class WorkerApp {
  readonly metrics: Metrics
  readonly #config: Config
  readonly #names: QueueNames
  readonly #observe: Observe
  readonly #redis: Redis
  readonly #quickRedis: Redis
  readonly #queues: LookupQueues
  readonly #workers: Record<Lane, LookupWorker>
  readonly #soap: SoapClient
  readonly #fleet: Fleet
  readonly #pulse: Pulse
  readonly #upkeep: Upkeep
  readonly #collector: QueueCollector
  readonly #id = randomUUID()
  readonly #startedAt = now()
  readonly #grace = new AbortController()
  readonly #timers: { stop: () => void }[] = []
  readonly #closers: (() => Promise<void>)[] = []
  readonly #recent: number[] = []
  #stopped: Promise<boolean> | null = null

  constructor(config: Config, logger: Logger) {
    this.#config = config
    this.#names = config
    this.metrics = createMetrics({ version: VERSION, revision: REVISION })
    const log = logEvents(logger)
    const count = countEvents(this.metrics, () => now() / 1000)
    this.#observe = (event) => {
      count(event)
      log(event)
      if (event.type === 'published') this.#recent.push(monotonic())
    }
    this.#redis = this.#open(patientConnection(config.redisUrl, 'worker'), 'connection')
    this.#quickRedis = this.#open(impatientConnection(config.redisUrl, 'health'), 'health')
    this.#queues = new LookupQueues(this.#redis, config)
    this.#soap = new SoapClient(soapSettings(config), this.#observe)
    this.#fleet = new Fleet(this.#redis, config)
    this.#workers = this.#buildWorkers()
    this.#pulse = new Pulse(this.#quickRedis)
    const histories = new LookupHistories(this.#redis, config)
    const reconciler = new Reconciler(histories, { markerTtlMs: config.resultMarkerTtlMs })
    const unreadable = new UnreadableJobs(this.#redis, config)
    const parts = { fleet: this.#fleet, queues: this.#queues, workers: this.#workers, reconciler, unreadable }
    this.#upkeep = new Upkeep(parts, this.#id, config)
    this.#collector = new QueueCollector(
      this.metrics,
      () => this.#readQueues(),
      () => monotonic() / 1000,
    )
  }

  /** Starts, once Redis is there and fit. Throws a ConfigError if it is not fit; then nothing is left open. */
  async start(): Promise<void> {
    try {
      await this.#start()
    } catch (error) {
      await this.stop('could not start')
      throw error
    }
  }

  async #start(): Promise<void> {
    const problems = await preflight(this.#redis)
    if (problems.length > 0) throw new ConfigError(problems)
    const { concurrency, interactiveConcurrency, ratePerSecond, maxCallsInFlight } = this.#config
    for (const lane of this.#served()) await this.#workers[lane].start()
    this.metrics.concurrency.set(concurrency + interactiveConcurrency)
    this.metrics.rateLimit.set(ratePerSecond ?? Number.POSITIVE_INFINITY)
    this.metrics.inFlightLimit.set(maxCallsInFlight ?? Number.POSITIVE_INFINITY)
    const guarded = (task: () => Promise<void>) => () => task().catch(redisTrouble(this.#observe, 'upkeep'))
    this.#timers.push(
      every(
        MEMBER_BEAT_MS,
        guarded(() => this.#fleet.beat(this.#member())),
      ),
    )
    this.#timers.push(
      every(
        UPKEEP_EVERY_MS,
        guarded(() => this.#upkeep.run()),
      ),
    )
    await Promise.all([this.#pulse.start(), guarded(() => this.#fleet.beat(this.#member()))()])
    const details = { version: VERSION, concurrency, interactiveConcurrency, ratePerSecond, maxCallsInFlight }
    this.#observe({ type: 'started', what: 'worker', details })
  }

  /** Something that is to be closed at the very end of a stop: the HTTP server, so that metrics can be read until then. */
  closeLast(close: () => Promise<void>): void {
    this.#closers.push(close)
  }

  /** Stops, once; again while stopping: hands everything back now. True if no lookup was left behind. */
  stop(reason: string): Promise<boolean> {
    if (this.#stopped) this.#grace.abort(new Error('stopped twice'))
    this.#stopped ??= this.#stop(reason)
    return this.#stopped
  }

  health(): Health {
    const { skewMs } = this.#pulse
    const reasons = [
      this.#stopped ? 'stopping' : '',
      this.#pulse.answers ? '' : 'Redis does not answer',
      this.#served().every((lane) => this.#workers[lane].isRunning)
        ? ''
        : 'workers take no lookups: not running, or Redis refuses what they need',
      Math.abs(skewMs) > MAX_CLOCK_SKEW_MS ? `clock is ${(skewMs / 1000).toFixed(1)} s off that of Redis` : '',
    ].filter((text) => text !== '')
    return { ready: reasons.length === 0, reasons }
  }

  /** The text of `/metrics`. Answers whether Redis does or not. */
  async metricsText(): Promise<string> {
    await this.#collector.collect()
    this.metrics.inProgress.set(this.#inProgress())
    return this.metrics.registry.metrics()
  }

  async #stop(reason: string): Promise<boolean> {
    const startedAt = monotonic()
    const { shutdownTimeoutMs } = this.#config
    this.#observe({ type: 'stopping', reason })
    for (const timer of [...this.#timers, this.#pulse]) timer.stop()
    const grace = deadline(shutdownTimeoutMs, new Error('shutdown'), this.#grace.signal)
    const workers = Promise.all(this.#served().map((lane) => this.#workers[lane].stop(grace.signal)))
    const clean = (await within(shutdownTimeoutMs + STOP_MARGIN_MS, workers)) !== 'late'
    grace.clear()
    if (clean)
      await within(
        STOP_MARGIN_MS / 2,
        this.#fleet.leave(this.#id).catch(() => {}),
      )
    this.#observe({ type: 'stopped', clean, durationMs: monotonic() - startedAt })
    await within(STOP_MARGIN_MS / 2, this.#close())
    return clean
  }

  async #close(): Promise<void> {
    this.#redis.disconnect()
    this.#quickRedis.disconnect()
    await Promise.allSettled([this.#soap.close(), ...this.#closers.map((close) => close())])
  }

  #open(redis: Redis, where: string): Redis {
    redis.on('error', redisTrouble(this.#observe, where))
    let wasReady = false
    redis.on('ready', () => {
      if (wasReady) this.#observe({ type: 'redis-ready', where })
      wasReady = true
    })
    return redis
  }

  #buildWorkers(): Record<Lane, LookupWorker> {
    const config = this.#config
    const redis = this.#redis
    const histories = new LookupHistories(redis, config)
    const answers = new LastAnswers(redis, config)
    const gate = new Gate(
      redis,
      config,
      { ...config, burst: config.rateBurst, longestCallMs: config.soapCallTimeoutMs },
      this.#observe,
      redisTrouble(this.#observe, 'gate'),
    )
    const enricher = new Enricher(this.#soap, gate, config, this.#observe)
    const charges = new ChargeDecision(answers, config.soapProbeConnectionId)
    const runs = new LookupRuns({ histories, enricher, charges, answers }, config, this.#observe)
    const resultQueue = openQueue(config.resultQueue, redis, config)
    const results = new ResultQueue(resultQueue, redis, config, { markerTtlMs: config.resultMarkerTtlMs })
    const parts = { runs, results, histories, redis }
    const build = (lane: Lane, concurrency: number) =>
      new LookupWorker(parts, config, { ...config, lane, concurrency: Math.max(1, concurrency) }, this.#observe)
    return {
      batch: build('batch', config.concurrency),
      interactive: build('interactive', config.interactiveConcurrency),
    }
  }

  /** The lanes that this process serves. */
  #served(): Lane[] {
    const slots = { batch: this.#config.concurrency, interactive: this.#config.interactiveConcurrency }
    return LANES.filter((lane) => slots[lane] > 0)
  }

  #inProgress(): number {
    return LANES.reduce((sum, lane) => sum + this.#workers[lane].inProgress, 0)
  }

  #member(): Member {
    const tenSecondsAgo = monotonic() - 10_000
    while ((this.#recent[0] ?? Number.POSITIVE_INFINITY) < tenSecondsAgo) this.#recent.shift()
    return {
      id: this.#id,
      host: hostname(),
      pid: process.pid,
      version: VERSION,
      startedAt: iso(this.#startedAt),
      concurrency: this.#config.concurrency + this.#config.interactiveConcurrency,
      inProgress: this.#inProgress(),
      perSecond: this.#recent.length / 10,
      rateLimitPerSecond: this.#config.ratePerSecond,
      stopping: this.#stopped !== null,
    }
  }

  async #readQueues(): Promise<QueueReading> {
    const { queues } = await readQueues(this.#quickRedis, this.#names)
    return {
      clockSkewSeconds: this.#pulse.skewMs / 1000,
      queues: queues.map(({ oldestAgeMs, ...queue }) => ({ ...queue, oldestAgeSeconds: oldestAgeMs / 1000 })),
    }
  }
}
