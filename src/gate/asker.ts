/**
 * Asks for permits, for one lane of one process: one question at a time, for all who wait. What is granted is booked at
 * most a second ahead, so that a process that dies takes little with it and one that joins need not stand in line.
 */

import { monotonic, type Signal, sleep } from '../clock.ts'
import { Held } from '../domain/hold.ts'
import type { PermitName } from './permit-return.ts'
import type { PermitReply, Permits } from './permit-script.ts'

export interface Permit {
  /** Gives the place among the calls in flight back. Once; never rejects. */
  release(): void
}

/** The retries' part of the pace is spent, and first calls wait. */
export class RetryRefused extends Error {
  override name = 'RetryRefused'
  constructor() {
    super('first calls wait, and the fleet has no turn for a retry')
  }
}

interface Waiter {
  grant(permit: Permit): void
  refuse(reason: Error): void
}

/**
 * A turn that was missed by more than this is not used: used late, it would stand in the same second as those after it,
 * and the service would see more calls in a second than it allows. A permit used 25 ms late can push at most 2.5 % more
 * calls into some second.
 */
const LATE_MS = 25
const FULL_ASK_AGAIN_MS = 25
const MOST_AT_ONCE = 256
/** How many answers are kept to compare this process's clock with Redis' clock. */
const COMPARED = 64

export class Asker {
  readonly #waiting = new Set<Waiter>()
  /** Quick retries. They come first, because the time of their lookups is running. */
  readonly #again = new Set<Waiter>()
  readonly #ask: (wanted: number, retries: number, missed: number) => Promise<PermitReply>
  readonly #giveBack: (name: PermitName, wasUsed: boolean) => void
  readonly #differences: number[] = []
  #asking = false
  #missed = 0
  /** How many holds there were so far. A turn that was booked before a hold is not used after it. */
  #holds = 0
  #wake: () => void = () => {}

  /**
   * `ask` asks the gate's script for `wanted` permits, some of which repeat a call, and tells it how many turns were
   * missed since the last time. `giveBack` gives a permit back, used or not.
   */
  constructor(
    ask: (wanted: number, retries: number, missed: number) => Promise<PermitReply>,
    giveBack: (name: PermitName, wasUsed: boolean) => void,
  ) {
    this.#ask = ask
    this.#giveBack = giveBack
  }

  /**
   * A permit for one call, now or when its turn has come. `again`: for a quick retry. Rejects with the signal's reason, with
   * Held, or (a quick retry) with RetryRefused.
   */
  permit(signal: Signal, again = false): Promise<Permit> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const line = again ? this.#again : this.#waiting
      const refuse = (reason: Error) => {
        signal.removeEventListener('abort', leave)
        line.delete(waiter)
        reject(reason)
      }
      const leave = () => refuse(signal.reason)
      const grant = (permit: Permit) => {
        signal.removeEventListener('abort', leave)
        line.delete(waiter)
        resolve(permit)
      }
      const waiter = { grant, refuse }
      signal.addEventListener('abort', leave, { once: true })
      line.add(waiter)
      if (!again && this.#waiting.size === 1) this.#wake() // what only retries wait for is no reason for a first call to wait
      void this.#askWhileAnyoneWaits()
    })
  }

  /** The fleet is held: everybody who waits gets Held. */
  refuseAll(): void {
    this.#holds++
    for (const waiter of [...this.#again, ...this.#waiting]) waiter.refuse(new Held())
  }

  get #waitingCount(): number {
    return this.#again.size + this.#waiting.size
  }

  async #askWhileAnyoneWaits(): Promise<void> {
    if (this.#asking) return
    this.#asking = true
    // Joins everybody who asks in this turn of the event loop.
    await Promise.resolve()
    while (this.#waitingCount > 0) await this.#askOnce()
    this.#asking = false
  }

  async #askOnce(): Promise<void> {
    const missed = this.#missed
    const holds = this.#holds
    this.#missed = 0
    const askedAt = monotonic()
    const wanted = Math.min(this.#waitingCount, MOST_AT_ONCE)
    const again = [...this.#again].slice(0, wanted)
    const answer = await this.#ask(wanted, again.length, missed)
    const answeredAt = monotonic()
    if (answer === 'held' || answer === 'spent') return this.refuseAll()
    if (answer === 'full') return this.#pause(FULL_ASK_AGAIN_MS * (0.5 + Math.random()))
    for (const waiter of again.slice(again.length - answer.refused)) waiter.refuse(new RetryRefused())
    if ('waitMs' in answer) return this.#pause(Math.min(answer.waitMs + 1, 1000))
    const givenAt = answeredAt - Math.min(answeredAt - askedAt, this.#readLate(answeredAt, answer.at))
    await this.#use(answer, givenAt, holds)
  }

  async #use({ turns, leases, slice, retries }: Permits, givenAt: number, holds: number): Promise<void> {
    let mayRepeat = retries
    for (const [index, turn] of turns.entries()) {
      const name = { lease: leases[index] ?? '', slice }
      if (givenAt + turn > monotonic()) await this.#until(givenAt + turn)
      if (holds !== this.#holds) this.#giveBack(name, false)
      else if (this.#handOut(name, monotonic() - givenAt - turn, mayRepeat > 0)) mayRepeat--
    }
  }

  /**
   * How long the reply waited in our socket while the event loop was busy: its age by Redis' clock minus the smallest age
   * seen lately. Where Redis' clock was set back this is too much.
   */
  #readLate(answeredAt: number, redisAt: number): number {
    this.#differences.push(answeredAt - redisAt)
    if (this.#differences.length > COMPARED) this.#differences.shift()
    return answeredAt - redisAt - Math.min(...this.#differences)
  }

  /** True if the permit went to a lookup that calls again. */
  #handOut(name: PermitName, lateMs: number, mayRepeat: boolean): boolean {
    const isAgain = this.#again.size > 0 && (mayRepeat || this.#waiting.size === 0)
    const [waiter] = isAgain ? this.#again : this.#waiting
    if (!waiter || lateMs > LATE_MS) {
      if (waiter) this.#missed++
      this.#giveBack(name, false)
      return false
    }
    let released = false
    waiter.grant({
      release: () => {
        if (released) return
        released = true
        this.#giveBack(name, true)
        this.#wake()
      },
    })
    return isAgain
  }

  /** Timers may end up to a millisecond early, and a call must never be early. */
  async #until(time: number): Promise<void> {
    for (let left = time - monotonic(); left > 0; left = time - monotonic()) await sleep(Math.ceil(left))
  }

  /** Waits for `ms`, or until a permit of this process is given back. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
      void sleep(ms).then(resolve)
    })
  }
}
