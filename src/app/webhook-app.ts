/**
 * The composition root of the webhook: as many deliverers as results may be on the way, each with a reader of the result queue
 * of its own, and one pace for all.
 *
 * Start: a Redis that is there and not fit is a mistake of the configuration; one that is away is waited for.
 * Stop:  no more results are taken, and tries on the way may end; what is left is handed back; the connections last.
 */

import { monotonic, within } from '../clock.ts'
import type { WebhookConfig } from '../config/config.ts'
import type { LookupEvent, Observe } from '../domain/event.ts'
import { logEvents, WEBHOOK_HELD } from '../observe/event-log.ts'
import type { Logger } from '../observe/logger.ts'
import { countDeliveries, createWebhookMetrics } from '../observe/webhook-metrics.ts'
import { ComesAgain, ResultConsumer } from '../queues/result-consumer.ts'
import { placeInWords, type Redis } from '../redis/connections.ts'
import { REVISION, VERSION } from '../version.ts'
import { Deliverer } from '../webhook/deliverer.ts'
import { Pace, type PaceSettings, USUAL_PACE } from '../webhook/pace.ts'
import { Poster } from '../webhook/post.ts'
import { Connections } from './connections.ts'
import { Health } from './health.ts'
import { RedisWatch } from './redis-watch.ts'

/** How it posts; tests have less time. */
export interface WebhookManner {
  pace: PaceSettings
  /** For one try. */
  tryMs: number
}

const USUAL: WebhookManner = { pace: USUAL_PACE, tryMs: 15_000 }
/** Time to hand back what was cut, and for Redis to say that it has it. */
const CLOSE_MS = 1_000

export class WebhookApp {
  readonly #config: WebhookConfig
  readonly #observe: Observe
  readonly #connections: Connections
  readonly #metrics = createWebhookMetrics({ version: VERSION, revision: REVISION })
  readonly #pace: Pace
  readonly #poster: Poster
  readonly #redis: RedisWatch
  readonly #stopping = new AbortController()
  readonly #cut = new AbortController()
  readonly #consumers: ResultConsumer[] = []
  readonly health: Health
  #running: Promise<unknown> = Promise.resolve()
  #stopped: Promise<void> | null = null

  constructor(config: WebhookConfig, logger: Logger, manner: WebhookManner = USUAL) {
    this.#config = config
    const hearers = [countDeliveries(this.#metrics), logEvents(logger, placeInWords(config).where, monotonic)]
    this.#observe = (event) => {
      for (const hear of hearers) hear(event)
    }
    this.#connections = new Connections(config, this.#observe)
    this.#pace = new Pace(manner.pace)
    const { webhookUrl, webhookSecret } = config
    if (webhookUrl === null || webhookSecret === null) throw new Error('WEBHOOK_URL and WEBHOOK_SECRET: expected both')
    const userAgent = `chat-enricher/${VERSION}`
    this.#poster = new Poster({ url: webhookUrl, secret: webhookSecret, timeoutMs: manner.tryMs, userAgent })
    this.#redis = new RedisWatch(config, this.#connections, this.#observe)
    this.health = new Health({
      redis: this.#redis.pulse,
      memory: this.#redis.memory,
      isStopping: () => this.#stopping.signal.aborted,
      workers: [],
      stuckWatch: { isStuck: false },
      further: () => this.#pace.held && `webhook HELD: ${WEBHOOK_HELD[this.#pace.held]}`,
    })
    hearers.push((event: LookupEvent) => this.health.hear(event))
  }

  get metrics() {
    return { contentType: this.#metrics.registry.contentType, text: () => this.#metricsText() }
  }

  /** Throws a ConfigError if Redis is there and not fit. */
  async start(): Promise<void> {
    await this.#redis.start()
    const { webhookUrl, webhookConcurrency } = this.#config
    const redis = this.#connections.patient('webhook')
    const deliverers = Array.from({ length: webhookConcurrency }, () => this.#deliverer(redis))
    this.#running = Promise.all(deliverers)
    const details = {
      receiver: webhookUrl && new URL(webhookUrl()).host,
      redis: placeInWords(this.#config).where,
      queue: this.#config.resultQueue,
      concurrency: webhookConcurrency,
    }
    this.#observe({ type: 'started', what: 'webhook', details: { version: VERSION, ...details } })
  }

  stop(reason: string): Promise<void> {
    this.#stopped ??= this.#stop(reason)
    return this.#stopped
  }

  async #deliverer(redis: Redis): Promise<void> {
    const source = new ResultConsumer(redis, this.#config)
    this.#consumers.push(source)
    await source.start()
    const again = (afterMs: number) => new ComesAgain(afterMs)
    const parts = { source, poster: this.#poster, pace: this.#pace, again }
    await new Deliverer(parts, this.#observe).run(this.#stopping.signal, this.#cut.signal)
  }

  async #stop(reason: string): Promise<void> {
    const startedAt = monotonic()
    this.#observe({ type: 'stopping', reason })
    this.#stopping.abort(new Error(reason))
    const ended = await within(this.#config.shutdownTimeoutMs, this.#running)
    this.#cut.abort(new Error(reason))
    if (ended === 'late') await within(CLOSE_MS, this.#running)
    await within(CLOSE_MS, Promise.all(this.#consumers.map((consumer) => consumer.close())))
    await this.#poster.close()
    this.#redis.stop()
    this.#connections.close()
    this.#observe({ type: 'stopped', clean: true, durationMs: monotonic() - startedAt })
  }

  async #metricsText(): Promise<string> {
    this.#metrics.redisUp.set(this.#redis.pulse.answers ? 1 : 0)
    this.#metrics.clockSkew.set(this.#redis.pulse.skewMs / 1000)
    return this.#metrics.registry.metrics()
  }
}
