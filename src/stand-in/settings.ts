/** How the stand-in behaves at the moment: what can be changed while it runs, and the dice. */

import { FAULT_KINDS, type FaultKind } from './faults.ts'
import { type Draw, drawFrom } from './made-up.ts'

export interface Behaviour {
  /** Milliseconds: always so many, or evenly between two. */
  latencyMs: number | readonly [number, number]
  /** 0 to 1: share of the calls that go wrong. */
  faultRate: number
  /** The kinds that they go wrong in, taken in turn. */
  faults: readonly FaultKind[]
  /** Header of the kinds that send one: seconds, or an HTTP date. */
  retryAfter: string
}

/** Thrown for settings that cannot be; the message names the setting, what was expected and what was got. */
export class SettingsError extends Error {
  override name = 'SettingsError'
}

const MAX_LATENCY_MS = 2 ** 31 - 1
const CHECKS: Readonly<Record<keyof Behaviour, { expected: string; fits: (value: unknown) => boolean }>> = {
  latencyMs: {
    expected: 'milliseconds of 0 or more, or two of them, the smaller first',
    fits: (value) => isLatency(value) || (Array.isArray(value) && value.length === 2 && isSpan(value)),
  },
  faultRate: {
    expected: 'a number from 0 to 1',
    fits: (value) => typeof value === 'number' && value >= 0 && value <= 1,
  },
  faults: {
    expected: `a list with one or more of ${FAULT_KINDS.join(', ')}`,
    fits: (value) => Array.isArray(value) && value.length > 0 && value.every((kind) => FAULT_KINDS.includes(kind)),
  },
  retryAfter: {
    expected: 'seconds or an HTTP date, as text',
    fits: (value) => typeof value === 'string' && /^[\x20-\x7e]+$/.test(value),
  },
}

function isLatency(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= MAX_LATENCY_MS
}

function isSpan(value: readonly unknown[]): boolean {
  return value.every(isLatency) && (value[0] as number) <= (value[1] as number)
}

/** Of anything, e.g. the JSON that somebody sent. */
export function checkBehaviour(value: unknown): Partial<Behaviour> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SettingsError(`the settings: expected an object, got ${JSON.stringify(value)}`)
  }
  for (const [name, setting] of Object.entries(value)) {
    const check = Object.hasOwn(CHECKS, name) ? CHECKS[name as keyof Behaviour] : undefined
    if (!check)
      throw new SettingsError(`expected one of ${Object.keys(CHECKS).join(', ')}, got ${JSON.stringify(name)}`)
    if (!check.fits(setting)) {
      throw new SettingsError(`${name}: expected ${check.expected}, got ${JSON.stringify(setting)}`)
    }
  }
  return value
}

export class Settings {
  #behaviour: Behaviour = { latencyMs: 0, faultRate: 0, faults: ['503'], retryAfter: '1' }
  #seed = 0
  // Apart, so that a change of the latency does not change which calls go wrong.
  #faultDice: Draw = () => 0
  #latencyDice: Draw = () => 0
  #turn = 0

  constructor(seed: number) {
    this.seed = seed
  }

  get behaviour(): Readonly<Behaviour> {
    return this.#behaviour
  }

  get seed(): number {
    return this.#seed
  }

  /** Starts the random series, and the turn of the kinds, anew. */
  set seed(seed: number) {
    this.#seed = seed
    this.#faultDice = drawFrom(seed)
    this.#latencyDice = drawFrom(~seed)
    this.#turn = 0
  }

  change(changes: Partial<Behaviour>): void {
    this.#behaviour = { ...this.#behaviour, ...checkBehaviour(changes) }
  }

  /** How the next call goes wrong; null: it does not. */
  nextFault(): FaultKind | null {
    const { faultRate, faults } = this.#behaviour
    if (faultRate === 0 || this.#faultDice(1_000_000) >= faultRate * 1_000_000) return null
    const kind = faults[this.#turn % faults.length] as FaultKind
    this.#turn += 1
    return kind
  }

  nextLatency(): number {
    const { latencyMs } = this.#behaviour
    if (typeof latencyMs === 'number') return latencyMs
    const [least, most] = latencyMs
    return least + this.#latencyDice(most - least + 1)
  }
}
