/** The behaviour in force, and the dice that decide what each call meets. */

import { Access } from './access.ts'
import { type Behaviour, CALM, checkBehaviour, type Rule } from './behaviour.ts'
import { type Draw, drawFrom } from './dice.ts'
import type { FaultKind } from './faults.ts'
import { drawLatency, type Latency } from './latency.ts'
import { Patterns } from './patterns.ts'

/** What a call meets. */
export interface Weather {
  latencyMs: number
  /** null: the call does not go wrong. */
  fault: FaultKind | null
  retryAfter: string
}

type NextKind = () => FaultKind

interface Course {
  latencyMs: Latency
  faultRate: number
  next: NextKind
  retryAfter: string
}

export class Settings {
  readonly access: Access
  readonly #now: () => number
  #behaviour: Omit<Behaviour, 'credentials'> = CALM
  #seed = 0
  // Two series, so that a change of the latency does not change which calls go wrong.
  #faultDice: Draw = () => 0
  #latencyDice: Draw = () => 0
  #usual: Course = courseOf(CALM)
  #rules: Course[] = []
  #patterns = new Patterns([])
  #outages: { from: number; until: number; next: NextKind }[] = []

  /** `now` in milliseconds, from any start. */
  constructor(seed: number, now: () => number = () => performance.now()) {
    this.#now = now
    this.access = new Access(now)
    this.seed = seed
  }

  /** The behaviour as it was set; instead of the credentials, whether there are any. */
  get shown(): object {
    return { ...this.#behaviour, credentials: this.access.state }
  }

  get seed(): number {
    return this.#seed
  }

  /** Starts the random series, and the turn of the kinds of faults, again. */
  set seed(seed: number) {
    this.#seed = seed
    this.#faultDice = drawFrom(seed)
    this.#latencyDice = drawFrom(~seed)
    this.#chart()
  }

  /** Changes what is named: all of it, or nothing if any part is wrong. Throws CheckError. */
  change(changes: Partial<Behaviour>): void {
    const { credentials, ...behaviour } = checkBehaviour(changes)
    this.#behaviour = { ...this.#behaviour, ...behaviour }
    if (credentials !== undefined) {
      this.access.credentials = credentials
      if (behaviour.credentialsExpireAfterMs === undefined) this.#behaviour.credentialsExpireAfterMs = null
    }
    if (behaviour.credentialsExpireAfterMs !== undefined) this.access.expireAfter(behaviour.credentialsExpireAfterMs)
    if (behaviour.outages) this.#openWindows()
    this.access.refuse = this.#behaviour.refuse
    this.#chart()
  }

  /** Back to a good day. The required credentials stay. */
  calm(): void {
    this.change(CALM)
  }

  /** What the call for this connection id meets; null: no id could be read. */
  next(id: string | null): Weather {
    const course = this.#courseFor(id)
    const latencyMs = drawLatency(course.latencyMs, this.#latencyDice)
    return { latencyMs, fault: this.#outage() ?? this.#fault(course), retryAfter: course.retryAfter }
  }

  #courseFor(id: string | null): Course {
    if (id === null || this.#rules.length === 0) return this.#usual
    return this.#rules[this.#patterns.firstIn(id)] ?? this.#usual
  }

  #outage(): FaultKind | undefined {
    if (this.#outages.length === 0) return undefined
    const now = this.#now()
    return this.#outages.find(({ from, until }) => from <= now && now < until)?.next()
  }

  #fault({ faultRate, next }: Course): FaultKind | null {
    if (faultRate === 0 || this.#faultDice(1_000_000) >= faultRate * 1_000_000) return null
    return next()
  }

  #chart(): void {
    this.#usual = courseOf(this.#behaviour)
    const { rules } = this.#behaviour
    this.#patterns = new Patterns(rules.map(({ id }) => id))
    this.#rules = rules.map((rule) =>
      courseOf({ ...this.#behaviour, ...rule, faultRate: rateOf(rule) ?? this.#behaviour.faultRate }),
    )
  }

  #openWindows(): void {
    const now = this.#now()
    this.#outages = this.#behaviour.outages.map(({ afterMs, forMs, faults }) => ({
      from: now + afterMs,
      until: now + afterMs + forMs,
      next: inTurn(faults),
    }))
  }
}

/** A rule with kinds of faults and no share applies to all calls of its ids. */
function rateOf(rule: Rule): number | undefined {
  return rule.faultRate ?? (rule.faults ? 1 : undefined)
}

function courseOf({ latencyMs, faultRate, faults, retryAfter }: Omit<Behaviour, 'credentials'>): Course {
  return { latencyMs, faultRate, next: inTurn(faults), retryAfter }
}

function inTurn(kinds: readonly FaultKind[]): NextKind {
  let turn = 0
  return () => kinds[turn++ % kinds.length] as FaultKind
}
