/**
 * The gate: the fleet's permission to call. Every call passes it, retries and probes included, so that all processes
 * together keep the pace and the number of calls in flight that the service allows.
 */

import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import { monotonic, sleep } from '../clock.ts'
import type { Observe } from '../domain/event.ts'
import type { Lane } from '../domain/lane.ts'
import { ownKey, type QueueNames } from '../queues/names.ts'
import { type Answer, Asker, type Permit } from './asker.ts'
import { NOT_BEFORE_SCRIPT, PERMIT_SCRIPT } from './permit-script.ts'

export type { Permit } from './asker.ts'

export interface GateLimits {
  /** Calls a second of the whole fleet; null: no limit. */
  ratePerSecond: number | null
  /** Calls that may leave at once after a pause. */
  burst: number
  /** Calls of the whole fleet at one time; null: no limit. */
  maxCallsInFlight: number | null
}

export interface GateOptions extends GateLimits {
  /** How long a call can take at most, ms: a permit not given back by then is taken for lost. */
  longestCallMs: number
}

const AHEAD_MS = 1000
/** Timers are good to about a millisecond; turns closer than this are fetched together. */
const AHEAD_TOGETHER_MS = 10
const LEASE_MARGIN_MS = 5000
const ASK_AGAIN_AFTER_ERROR_MS = 250

export class Gate {
  readonly #redis: Redis
  readonly #options: GateOptions
  readonly #observe: Observe
  readonly #trouble: (error: unknown) => void
  readonly #keys: { rate: string; inFlight: string; notBefore: string }
  readonly #askers = new Map<Lane, Asker>()
  readonly #process = randomBytes(6).toString('hex')
  #permits = 0

  /** `trouble` is told when Redis says no: nobody calls then. */
  constructor(
    redis: Redis,
    names: QueueNames,
    options: GateOptions,
    observe: Observe = () => {},
    trouble: (error: unknown) => void = () => {},
  ) {
    this.#redis = redis
    this.#options = options
    this.#observe = observe
    this.#trouble = trouble
    this.#keys = {
      rate: ownKey(names, 'gate', 'rate'),
      inFlight: ownKey(names, 'gate', 'in-flight'),
      notBefore: ownKey(names, 'gate', 'not-before'),
    }
  }

  /** Waits for the turn of one call. Rejects with the signal's reason. Release the permit when the call has ended. */
  async permit(lane: Lane, signal: AbortSignal): Promise<Permit> {
    const since = monotonic()
    const permit = await this.#asker(lane).permit(signal)
    this.#observe({ type: 'permit-granted', waitedMs: monotonic() - since })
    return permit
  }

  /** The service asked for a pause (`Retry-After`): no call of the fleet before it is over. */
  async pause(ms: number): Promise<void> {
    await this.#redis.eval(NOT_BEFORE_SCRIPT, 1, this.#keys.notBefore, Math.ceil(ms))
  }

  #asker(lane: Lane): Asker {
    const known = this.#askers.get(lane)
    if (known) return known
    const asker = new Asker(
      (wanted) => this.#ask(wanted),
      (name) => this.#giveBack(name),
    )
    this.#askers.set(lane, asker)
    return asker
  }

  async #ask(wanted: number): Promise<Answer> {
    const { ratePerSecond, burst, maxCallsInFlight, longestCallMs } = this.#options
    const first = this.#permits
    this.#permits += wanted
    try {
      const reply = (await this.#redis.eval(
        PERMIT_SCRIPT,
        3,
        this.#keys.rate,
        this.#keys.inFlight,
        this.#keys.notBefore,
        wanted,
        ratePerSecond === null ? 0 : 1000 / ratePerSecond,
        burst,
        maxCallsInFlight ?? 0,
        longestCallMs + LEASE_MARGIN_MS,
        AHEAD_MS,
        AHEAD_TOGETHER_MS,
        `${this.#process}:`,
        first,
      )) as string[]
      return this.#read(reply, first)
    } catch (error) {
      this.#trouble(error)
      await sleep(ASK_AGAIN_AFTER_ERROR_MS)
      return { waitMs: 0 }
    }
  }

  #read([kind, ...values]: string[], first: number): Answer {
    if (kind === 'full') return 'full'
    if (kind === 'wait') return { waitMs: Number(values[0]) }
    const [at, ...turns] = values.map(Number)
    return { at: at ?? 0, granted: turns, names: turns.map((_, index) => `${this.#process}:${first + index}`) }
  }

  #giveBack(name: string): void {
    if (this.#options.maxCallsInFlight === null) return
    this.#redis.zrem(this.#keys.inFlight, name).catch(() => {}) // its lease ends by itself
  }
}
