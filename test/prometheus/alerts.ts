/** What a test sees of the alerts: which have fired, and which of these are over. */

import { RULES } from '../operations/rule-tests.ts'
import { until } from '../support/world.ts'
import { operandsOf } from './operands.ts'
import type { Alert, Prometheus } from './server.ts'
import { shortenedQuery } from './shortened.ts'

const LOOK_EVERY_MS = 300

/** A rate over five seconds has to stay above its bound for some seconds, which takes several tries on a busy machine; and a hold has to end. */
const WITHIN_MS = 120_000

/** Looks all the time, because an alert may come and go while the test waits for another one. */
export class Alerts {
  /** Every alert that has fired, as titleOf has them. */
  readonly fired = new Map<string, Alert>()
  /** Those that have fired and were over once. */
  readonly over = new Set<string>()
  #now = new Set<string>()
  readonly #prometheus: Prometheus
  readonly #timer: NodeJS.Timeout

  constructor(prometheus: Prometheus) {
    this.#prometheus = prometheus
    this.#timer = setInterval(() => void this.#look().catch(() => {}), LOOK_EVERY_MS)
  }

  async #look(): Promise<void> {
    const alerts = (await this.#prometheus.alerts()).filter(({ state }) => state === 'firing')
    const now = new Set<string>()
    for (const alert of alerts) {
      const { alertname, severity } = alert.labels
      now.add(`${alertname} (${severity})`)
      this.fired.set(`${alertname} (${severity})`, alert)
    }
    for (const title of this.fired.keys()) if (!now.has(title)) this.over.add(title)
    this.#now = now
  }

  hasFired(name: string): boolean {
    return has(this.fired.keys(), name)
  }

  /** Resolves when each of them has fired, now or before; with `again`: fires. */
  async firing(names: string[], { again = false } = {}): Promise<void> {
    const fires = (name: string) => (again ? has(this.#now, name) : this.hasFired(name))
    const missing = () => names.filter((name) => !fires(name))
    await this.#none(missing, 'fire')
  }

  async quiet(...names: string[]): Promise<void> {
    await this.#none(() => names.filter((name) => has(this.#now, name)), 'be over')
  }

  /** Resolves when none is left of which this is expected. */
  async #none(left: () => string[], expected: string): Promise<void> {
    const isDone = async () => {
      await this.#look()
      return left().length === 0
    }
    await until(`alerts ${expected}`, isDone, WITHIN_MS).catch(async () => {
      const now = await Promise.all(left().map((name) => this.#stateOf(name)))
      throw new Error(`expected these alerts to ${expected}:\n${now.join('\n')}`)
    })
  }

  /** What its expression's parts are now: for whoever has to find out why it does not fire. */
  async #stateOf(name: string): Promise<string> {
    const rules = RULES.filter(({ alert }) => alert === `ChatEnricher${name}`)
    const operands = rules.flatMap(({ expr }) => operandsOf(shortenedQuery(expr)))
    const told = operands.map(async (expr) => {
      const found = await this.#prometheus.query(expr)
      return `${expr}: ${found.map(({ value }) => value?.[1])}`
    })
    const pending = (await this.#prometheus.alerts()).filter(({ labels }) => labels.alertname === `ChatEnricher${name}`)
    return `${name} (${pending.map(({ state }) => state)}): ${(await Promise.all(told)).join('; ')}`
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

function has(titles: Iterable<string>, name: string): boolean {
  return [...titles].some((title) => title.startsWith(`ChatEnricher${name} (`))
}
