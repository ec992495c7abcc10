/**
 * The composition root: builds every part of a worker process from the Config, and owns the order of start and stop.
 *
 * Start: Redis and its check first (nothing else makes sense without), then the workers, then what watches.
 * Stop:  not ready any more, so that nobody sends us anything; then the workers, which hand back what they cannot finish
 *        in time; then the fleet's list; the connections last, because everything above still speaks to Redis.
 */

import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { deadline, every, iso, monotonic, now, within } from '../clock.ts'
import { type Config, ConfigError } from '../config/config.ts'
import type { Observe } from '../domain/event.ts'
import { HOLD_REASONS } from '../domain/hold.ts'
import { Fleet, MEMBER_BEAT_MS, type Member } from '../fleet/members.ts'
import { LimitStore } from '../gate/limits.ts'
import { logEvents } from '../observe/event-log.ts'
import { countEvents } from '../observe/event-metrics.ts'
import type { Logger } from '../observe/logger.ts'
import { createMetrics, type Metrics } from '../observe/metrics.ts'
import { QueueCollector, type QueueReading } from '../observe/queue-collector.ts'
import { LookupQueues } from '../queues/lookup-queue.ts'
import { countUntaken, estimateWaitingBytes, readQueues } from '../queues/queue-state.ts'
import type { Redis } from '../redis/connections.ts'
import { impatientConnection, patientConnection, placeInWords } from '../redis/connections.ts'
import { redisTrouble } from '../redis/errors.ts'
import { Leases } from '../redis/lease.ts'
import { MemoryPolicy } from '../redis/memory-policy.ts'
import { type QueueNames, serviceOf, servicesKey } from '../redis/names.ts'
import { maxMemory, preflight } from '../redis/preflight.ts'
import { Pulse } from '../redis/pulse.ts'
import { Orphans } from '../upkeep/orphans.ts'
import { Reconciler } from '../upkeep/reconciler.ts'
import { UnreadableJobs } from '../upkeep/unreadable.ts'
import { UPKEEP_EVERY_MS, Upkeep } from '../upkeep/upkeep.ts'
import { REVISION, VERSION } from '../version.ts'
import { BACKLOG_LOOK_EVERY_MS, BacklogHold } from '../worker/backlog-hold.ts'
import { STUCK_LOOK_EVERY_MS, StuckWatch } from '../worker/stuck.ts'
import { gateKeysOf, ownLimits } from './gate-settings.ts'
import { Health } from './health.ts'
import { buildWorkerParts, type WorkerParts } from './worker-parts.ts'

/** What the stop itself needs after SHUTDOWN_TIMEOUT_MS, to hand back and to close. */
const STOP_MARGIN_MS = 500
/** The time that connections get to close in good order. The end of the process closes the rest. */
const CLOSE_MS = 100

export class WorkerApp {
  readonly metrics: Metrics
  readonly health: Health
  readonly #config: Config
  readonly #names: QueueNames
  readonly #observe: Observe
  readonly #redis: Redis
  readonly #quickRedis: Redis
  readonly #queues: LookupQueues
  readonly #parts: WorkerParts
  /** The connection on which holds are announced as they begin and end. */
  readonly #news: Redis
  readonly #backlogHold: BacklogHold | null
  readonly #fleet: Fleet
  readonly #limits: LimitStore
  readonly #pulse: Pulse
  readonly #memoryPolicy: MemoryPolicy
  readonly #stuckWatch: StuckWatch
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
    const log = logEvents(logger, monotonic)
    const count = countEvents(this.metrics, () => now() / 1000)
    this.#observe = (event) => {
      count(event)
      log(event)
      this.health?.hear(event)
      if (event.type === 'published') this.#recent.push(monotonic())
    }
    this.#redis = this.#open(patientConnection(config, 'worker'), 'connection')
    this.#quickRedis = this.#open(impatientConnection(config, 'health'), 'health')
    this.#queues = new LookupQueues(this.#redis, config)
    this.#fleet = new Fleet(this.#redis, config)
    this.#limits = new LimitStore(this.#quickRedis, gateKeysOf(config))
    this.#parts = buildWorkerParts(config, this.#redis, this.#observe)
    this.#news = this.#open(patientConnection(config, 'news'), 'news')
    this.#backlogHold = this.#buildBacklogHold()
    this.#pulse = new Pulse(this.#quickRedis, servicesKey(config))
    this.#memoryPolicy = new MemoryPolicy(this.#quickRedis, this.#observe)
    this.#stuckWatch = new StuckWatch(this.#parts.workers, this.#pulse)
    this.health = new Health({
      isStopping: () => this.#stopped !== null,
      redis: this.#pulse,
      memory: this.#memoryPolicy,
      workers: this.#parts.workers,
      stuckWatch: this.#stuckWatch,
    })
    const { histories, publisher } = this.#parts
    const reconciler = new Reconciler(this.#redis, config, histories, { markerTtlMs: config.resultMarkerTtlMs })
    const unreadable = new UnreadableJobs(this.#redis, config, histories)
    const orphans = new Orphans(this.#redis, config)
    const redis = this.#redis
    const leases = new Leases(redis, config, this.#id)
    const parts = { leases, queues: this.#queues, publisher, reconciler, unreadable, orphans, redis }
    this.#upkeep = new Upkeep(parts, config, this.#observe)
    this.#collector = new QueueCollector(
      this.metrics,
      () => this.#readQueues(),
      () => monotonic() / 1000,
    )
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

  async #start(): Promise<void> {
    const { problems, unknown } = await preflight(this.#redis, placeInWords(this.#config).variable)
    if (problems.length > 0) throw new ConfigError(problems)
    for (const what of unknown) this.#observe({ type: 'redis-unknown', what })
    const { concurrency, interactiveConcurrency } = this.#config
    await this.#heedHolds()
    await this.#parts.results.prepare()
    for (const worker of this.#parts.workers) await worker.start()
    this.metrics.concurrency.set(concurrency + interactiveConcurrency)
    const trouble = redisTrouble(this.#observe, 'upkeep')
    // What a stop cuts short is no trouble of Redis: the connections close under it.
    const guarded = (task: () => Promise<void>) => () =>
      task().catch((error) => {
        if (!this.#stopped) trouble(error)
      })
    const beat = guarded(() => this.#fleet.beat(this.#member()))
    this.#timers.push(every(MEMBER_BEAT_MS, beat))
    const upkeep = guarded(() => this.#upkeep.run())
    this.#timers.push(every(UPKEEP_EVERY_MS, upkeep))
    void upkeep() // a fleet that starts again finds at once what an earlier one left; no lookup waits until that is done
    this.#timers.push(every(STUCK_LOOK_EVERY_MS, () => this.#stuckWatch.look()))
    const backlogHold = this.#backlogHold
    if (backlogHold)
      this.#timers.push(
        every(
          BACKLOG_LOOK_EVERY_MS,
          guarded(() => backlogHold.look()),
        ),
      )
    await Promise.all([this.#pulse.start(), this.#memoryPolicy.start(), beat()])
    this.#observe({ type: 'started', what: 'worker', details: startedDetails(this.#config) })
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
    for (const timer of [...this.#timers, this.#pulse, this.#memoryPolicy, this.#parts.keeper]) timer.stop()
    const grace = deadline(shutdownTimeoutMs, () => new Error('shutdown'), this.#grace.signal)
    const workers = Promise.all(this.#parts.workers.map((worker) => worker.stop(grace.signal)))
    const clean = (await within(shutdownTimeoutMs + STOP_MARGIN_MS, workers)) !== 'late'
    grace.clear()
    const farewells = () => [this.#parts.gate.flush(), this.#fleet.leave(this.#id), this.#upkeep.leave()]
    if (clean) await within(STOP_MARGIN_MS / 2, Promise.allSettled(farewells()))
    this.#observe({ type: 'stopped', clean, durationMs: monotonic() - startedAt })
    await within(CLOSE_MS, this.#close())
    return clean
  }

  async #close(): Promise<void> {
    this.#redis.disconnect()
    this.#quickRedis.disconnect()
    this.#news.disconnect()
    await Promise.allSettled([this.#parts.soap.close(), ...this.#closers.map((close) => close())])
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

  /** Before the first lookup is taken, because a worker that joins a held fleet must not begin with a call. */
  async #heedHolds(): Promise<void> {
    const { keeper, holds } = this.#parts
    const { soapEndpoint } = this.#config
    const url = new URL(soapEndpoint ?? '')
    await this.#redis.hset(servicesKey(this.#names), serviceOf(url.href), url.host)
    this.#news.on('message', () => void keeper.look().catch(() => {})) // it looks twice a second all the same
    await this.#news.subscribe(holds.channel)
    await keeper.start()
  }

  #buildBacklogHold(): BacklogHold | null {
    const { resultBacklogLimit: limit, resultQueue } = this.#config
    if (limit === null) return null
    const measure = async () => {
      const [count, bytes, memory] = await Promise.all([
        countUntaken(this.#redis, this.#names, resultQueue),
        estimateWaitingBytes(this.#redis, this.#names, resultQueue),
        maxMemory(this.#redis),
      ])
      return { count, bytes, maxMemory: memory }
    }
    return new BacklogHold(this.#parts.holds, measure, limit, this.#observe)
  }

  #inProgress(): number {
    return this.#parts.workers.reduce((sum, worker) => sum + worker.inProgress, 0)
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
      limits: ownLimits(this.#config),
      quota:
        this.#config.quotaCalls === null
          ? null
          : { calls: this.#config.quotaCalls, periodMs: this.#config.quotaPeriodMs },
      stopping: this.#stopped !== null,
    }
  }

  async #readQueues(): Promise<QueueReading> {
    const { ratePerSecond, maxCallsInFlight } = this.#config
    const [{ queues }, set] = await Promise.all([readQueues(this.#quickRedis, this.#names), this.#limits.read()])
    const { rate = ratePerSecond, inFlight = maxCallsInFlight } = set
    const held = new Set(this.#parts.keeper.holds.map(({ reason }) => reason))
    return {
      ratePerSecond: rate ?? Number.POSITIVE_INFINITY,
      callsInFlight: inFlight ?? Number.POSITIVE_INFINITY,
      holds: Object.fromEntries(HOLD_REASONS.map((reason) => [reason, held.has(reason)])),
      clockSkewSeconds: this.#pulse.skewMs / 1000,
      queues: queues.map(({ oldestAgeMs, ...queue }) => ({ ...queue, oldestAgeSeconds: oldestAgeMs / 1000 })),
    }
  }
}

/** The first line that anybody looks at: where this worker belongs and what it keeps to. No user, no password, no query. */
function startedDetails(config: Config): Record<string, unknown> {
  const { lookupQueue, interactiveQueue, resultQueue, quotaCalls, quotaPeriodMs } = config
  return {
    version: VERSION,
    redis: placeInWords(config).where,
    prefix: config.prefix,
    queues: { lookupQueue, interactiveQueue, resultQueue },
    service: new URL(config.soapEndpoint ?? '').host,
    concurrency: config.concurrency,
    interactiveConcurrency: config.interactiveConcurrency,
    ratePerSecond: config.ratePerSecond,
    maxCallsInFlight: config.maxCallsInFlight,
    quota: quotaCalls === null ? null : { calls: quotaCalls, periodMs: quotaPeriodMs },
    resultBacklogLimit: config.resultBacklogLimit,
  }
}
