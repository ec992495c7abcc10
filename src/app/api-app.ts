/**
 * The composition root of the HTTP API: its connections, the hall that it shows, its health and its metrics.
 *
 * Start: at once, also without Redis: requests are answered that it is away, and are taken when it is there.
 * Stop:  not ready any more, so that nobody sends us anything; whoever waits is answered; then the server, which answers
 *        what it has taken; then actions that go on, which say in Redis that they were stopped; the connections last, because
 *        all of it speaks to Redis.
 */

import { monotonic } from '../clock.ts'
import type { ApiConfig } from '../config/config.ts'
import type { LookupEvent, Observe } from '../domain/event.ts'
import { apiRoutes } from '../http/api-routes.ts'
import { serveApi } from '../http/api-server.ts'
import type { Listening } from '../http/listening.ts'
import { countRequests, createApiMetrics, startSeries } from '../observe/api-metrics.ts'
import { logEvents } from '../observe/event-log.ts'
import type { Logger } from '../observe/logger.ts'
import { QueueCollector } from '../observe/queue-collector.ts'
import { placeInWords } from '../redis/connections.ts'
import { REVISION, VERSION } from '../version.ts'
import { Actions } from './actions.ts'
import { apiStarted } from './api-started.ts'
import { Connections } from './connections.ts'
import { readFleet } from './fleet-reading.ts'
import type { Log } from './hall.ts'
import { Health } from './health.ts'
import { RedisWatch } from './redis-watch.ts'
import { followResults, type ResultsFollowed } from './results-followed.ts'
import { StandingHall } from './standing-hall.ts'
import { watchTokens } from './token-watch.ts'

/** Whoever asks by HTTP waits for three seconds or so, also in the middle of a bulk intake. */
const PATIENCE = { answersWithinMs: 2_500, settlesWithinMs: 1_500 }

export class ApiApp {
  readonly #config: ApiConfig
  readonly #connections: Connections
  readonly #observe: Observe
  readonly #metrics = createApiMetrics({ version: VERSION, revision: REVISION })
  readonly #hall: StandingHall
  readonly #actions: Actions
  readonly #results: ResultsFollowed | null
  readonly #redis: RedisWatch
  readonly #collector: QueueCollector
  readonly #log: Log
  readonly #stopping = new AbortController()
  readonly #tokens: { stop: () => void } | null
  readonly health: Health
  #server: Listening | null = null
  #stopped: Promise<void> | null = null

  constructor(config: ApiConfig, logger: Logger, log: Log) {
    this.#config = config
    this.#log = log
    const hearers = [countRequests(this.#metrics), logEvents(logger, placeInWords(config).where, monotonic)]
    this.#observe = (event) => {
      for (const hear of hearers) hear(event)
    }
    this.#connections = new Connections(config, this.#observe)
    this.#hall = new StandingHall(config, 'api', PATIENCE)
    this.#results = followResults(config)
    this.#redis = new RedisWatch(config, this.#connections, this.#observe)
    const looker = this.#connections.impatient('metrics')
    // An API knows no limits.
    const read = () => readFleet(looker, config, async () => null)
    this.#collector = new QueueCollector(this.#metrics, read, () => monotonic() / 1000)
    this.#tokens = config.apiTokens && watchTokens(config.apiTokens, this.#observe)
    const { signal } = this.#stopping
    this.#actions = new Actions(signal, this.#observe)
    const nothingStuck = { workers: [], stuckWatch: { isStuck: false } }
    const vitals = {
      redis: this.#redis.pulse,
      memory: this.#redis.memory,
      isStopping: () => signal.aborted,
      ...nothingStuck,
    }
    this.health = new Health(vitals)
    hearers.push((event: LookupEvent) => this.health.hear(event))
  }

  /** Resolves to where it listens. Throws a ConfigError if Redis is there and not fit; then nothing is left open. */
  async start(): Promise<string> {
    try {
      await this.#redis.start()
      this.#server = await serveApi(
        {
          health: this.health,
          metrics: { contentType: this.#metrics.registry.contentType, text: () => this.#metricsText() },
          routes: apiRoutes(
            { hall: this.#hall, results: this.#results, actions: this.#actions, settings: this.#config },
            this.#observe,
            this.#stopping.signal,
            this.#log,
          ),
          onRoutes: (routes) => startSeries(this.#metrics, routes, this.#producers()),
        },
        this.#config,
        this.#observe,
      )
      this.#observe({ type: 'started', what: 'api', details: apiStarted(this.#config, this.#server.url) })
      return this.#server.url
    } catch (error) {
      await this.stop('could not start')
      throw error
    }
  }

  stop(reason: string): Promise<void> {
    this.#stopped ??= this.#stop(reason)
    return this.#stopped
  }

  async #stop(reason: string): Promise<void> {
    const startedAt = monotonic()
    this.#observe({ type: 'stopping', reason })
    this.#stopping.abort(new Error(reason))
    this.#tokens?.stop()
    await this.#server?.close()
    await this.#actions.close()
    this.#redis.stop()
    this.#results?.close()
    await this.#hall.close()
    this.#connections.close()
    this.#observe({ type: 'stopped', clean: true, durationMs: monotonic() - startedAt })
  }

  async #metricsText(): Promise<string> {
    await this.#collector.collect()
    this.#metrics.clockSkew.set(this.#redis.pulse.skewMs / 1000)
    return this.#metrics.registry.metrics()
  }

  #producers(): string[] {
    return (this.#config.apiTokens?.() ?? []).filter(({ roles }) => roles.includes('enqueue')).map(({ name }) => name)
  }
}
