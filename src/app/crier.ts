/**
 * NOTIFY_URL and HEARTBEAT_URL: one process of the fleet tells people what they should know, and that it lives. It uses the
 * connection that gives up quickly, so that no lookup waits for it, and what goes wrong here is a log line and nothing else.
 */

import { monotonic } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { isErrorCode } from '../domain/error-code.ts'
import type { Observe } from '../domain/event.ts'
import { Fleet } from '../fleet/members.ts'
import { beats, type FleetFacts, type Notice, noticesDue, type Told } from '../fleet/notices.ts'
import { ToldNotices } from '../fleet/told.ts'
import { Holds } from '../gate/holds.ts'
import { hasTakeable, type QueuesState, readQueues } from '../queues/queue-state.ts'
import type { Redis } from '../redis/connections.ts'
import { Leases } from '../redis/lease.ts'
import type { QueueNames } from '../redis/names.ts'
import { basic } from '../soap/proxy.ts'
import { mendedAgent } from '../soap/sockets.ts'
import { gateKeysOf } from './gate-settings.ts'
import { queueNames } from './worker-settings.ts'

/** If the process that speaks dies, another does after this. */
const LEASE_MS = 15_000
const ANSWERS_WITHIN_MS = 3_000
const BEAT_EVERY_MS = 60_000
const JSON_BODY = { 'content-type': 'application/json' }
const HEARTBEAT = 'heartbeat'

export class Crier {
  readonly #config: Config
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #told: ToldNotices
  readonly #leases: Leases
  readonly #observe: Observe
  readonly #beatEveryMs: number
  readonly #agent = mendedAgent(ANSWERS_WITHIN_MS)
  #endedAt = Number.NEGATIVE_INFINITY

  /** `holder` is the id of this process. */
  constructor(config: Config, redis: Redis, holder: string, observe: Observe, beatEveryMs = BEAT_EVERY_MS) {
    this.#config = config
    this.#redis = redis
    this.#names = queueNames(config)
    this.#told = new ToldNotices(redis, this.#names)
    this.#leases = new Leases(redis, this.#names, holder)
    this.#observe = observe
    this.#beatEveryMs = beatEveryMs
  }

  /** Tells what is due, if this process is the one that speaks. Rejects when Redis fails. */
  async look(): Promise<void> {
    if (!(await this.#leases.take('cry', LEASE_MS))) return
    const [told, facts, queues] = await this.#read()
    const { notifyUrl, notifyMinGapMs, heartbeatUrl } = this.#config
    if (notifyUrl) await this.#notify(noticesDue(facts, told, notifyMinGapMs), told, facts.at)
    if (heartbeatUrl) await this.#beat(facts, queues, told.get(HEARTBEAT))
  }

  /** Called when this process stops, so that another one may speak at once. */
  leave(): Promise<void> {
    return this.#leases.giveUp('cry')
  }

  async #read(): Promise<[Map<string, Told>, FleetFacts, QueuesState]> {
    const holds = new Holds(this.#redis, gateKeysOf(this.#config))
    const [told, queues, held, members] = await Promise.all([
      this.#told.read(),
      readQueues(this.#redis, this.#names),
      holds.read(),
      new Fleet(this.#redis, this.#names).members(),
    ])
    if (members.some(({ perSecond }) => perSecond > 0)) this.#endedAt = monotonic()
    const isResults = ({ queue }: { queue: string }) => queue === this.#names.resultQueue
    const results = queues.queues.find(isResults)
    const lookups = queues.queues.filter((queue) => !isResults(queue))
    const deadLetters = lookups.reduce((sum, { jobs }) => sum + jobs.failed, 0)
    const waiting = results ? results.jobs.waiting + results.jobs.prioritized : 0
    const facts = { deadLetters, results: { waiting, oldestMs: results?.oldestAgeMs ?? 0 } }
    return [told, { at: held.at, holds: held.holds, ...facts }, queues]
  }

  /** One that was not taken is due again at the next look. */
  async #notify(notices: readonly Notice[], told: ReadonlyMap<string, Told>, at: number): Promise<void> {
    for (const { kind, state, text } of notices) {
      if (text !== null && !(await this.#post(`chat-enricher (${this.#where}): ${text}`))) continue
      const before = told.get(kind)?.at
      await this.#told.keep(kind, { at, state, ...(before === undefined ? {} : { before }) })
    }
  }

  get #where(): string {
    return `${new URL(this.#config.soapEndpoint ?? '').hostname}, ${this.#names.lookupQueue}`
  }

  #post(text: string): Promise<boolean> {
    return this.#ask('notify', this.#config.notifyUrl?.() ?? '', JSON.stringify({ text }))
  }

  async #beat({ at, holds }: FleetFacts, { queues }: QueuesState, last: Told | undefined): Promise<void> {
    if (last && at >= last.at && at - last.at < this.#beatEveryMs) return
    const hasEnded = monotonic() - this.#endedAt < this.#beatEveryMs
    if (!beats({ isHeld: holds.length > 0, hasEnded, waiting: await this.#waiting(queues) })) return
    const isTaken = await this.#ask('heartbeat', this.#config.heartbeatUrl?.() ?? '')
    if (isTaken) await this.#told.keep(HEARTBEAT, { at, state: 1 })
  }

  async #waiting(queues: QueuesState['queues']): Promise<boolean> {
    const { lookupQueue, interactiveQueue } = this.#names
    const isActive = queues.some(({ queue, jobs }) => queue !== this.#names.resultQueue && jobs.active > 0)
    const takeable = [lookupQueue, interactiveQueue].map((queue) => hasTakeable(this.#redis, this.#names, queue))
    return isActive || (await Promise.all(takeable)).some(Boolean)
  }

  /** Whether it was taken; without a body it is a GET. A redirect is not followed: it would carry the token of the address elsewhere. */
  async #ask(what: 'notify' | 'heartbeat', address: string, body?: string): Promise<boolean> {
    try {
      const url = new URL(address)
      const { origin, pathname, search } = url
      const authorization = basic(url)
      const answer = await this.#agent.request({
        origin,
        path: `${pathname}${search}`,
        method: body === undefined ? 'GET' : 'POST',
        headers: { ...(body !== undefined && JSON_BODY), ...(authorization !== null && { authorization }) },
        body: body ?? null,
        signal: AbortSignal.timeout(ANSWERS_WITHIN_MS),
      })
      answer.body.on('error', () => {}).destroy()
      const { statusCode: status } = answer
      if (status >= 200 && status < 300) return true
      this.#observe({ type: 'not-told', what, why: `HTTP ${status}` })
    } catch (error) {
      const { code, name, cause } = error as { code?: unknown; name: string; cause?: { code?: unknown } }
      const why = [cause?.code, code, name].find((one) => typeof one === 'string') as string
      this.#observe({ type: 'not-told', what, why: isErrorCode(why) ? why : 'an error' })
    }
    return false
  }
}
