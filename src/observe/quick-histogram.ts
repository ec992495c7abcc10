/**
 * A histogram that is counted in arrays, and shown when somebody asks. A worker observes seven for each lookup, and for each
 * prom-client's own makes objects, and a text to find its numbers by.
 */

import type { Metric, Registry } from 'prom-client'

interface Series {
  labels: Record<string, string>
  /** How many fell into each bucket, and last those above all bounds. */
  counts: number[]
  sum: number
}

export interface HistogramSettings {
  name: string
  help: string
  registers: Registry[]
  buckets: readonly number[]
  /** The one label, and all its values; without it, there is one series. */
  label?: string
  values?: readonly string[]
}

export class QuickHistogram {
  readonly name: string
  readonly help: string
  readonly type = 'histogram'
  readonly aggregator = 'sum'
  readonly labelNames: string[]
  readonly #bounds: readonly number[]
  readonly #series: Map<string, Series>

  constructor({ name, help, registers, buckets, label, values = [''] }: HistogramSettings) {
    this.name = name
    this.help = help
    this.labelNames = label === undefined ? [] : [label]
    this.#bounds = buckets
    const series = (value: string): Series => ({
      labels: label === undefined ? {} : { [label]: value },
      counts: Array(buckets.length + 1).fill(0),
      sum: 0,
    })
    this.#series = new Map(values.map((value) => [value, series(value)]))
    for (const registry of registers) registry.registerMetric(this as unknown as Metric)
  }

  /** `of`: the value of its label. */
  observe(value: number, of = ''): void {
    const series = this.#series.get(of)
    if (!series || !Number.isFinite(value)) throw new TypeError(`${this.name}: expected a number and a known label`)
    let bucket = 0
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] as number)) bucket++
    series.counts[bucket] = (series.counts[bucket] as number) + 1
    series.sum += value
  }

  /** As the registry asks each metric. */
  get() {
    const { name, help, type, aggregator } = this
    const values = [...this.#series.values()].flatMap((series) => this.#shown(series))
    return Promise.resolve({ name, help, type, aggregator, values })
  }

  #shown({ labels, counts, sum }: Series) {
    let count = 0
    const buckets = [...this.#bounds, '+Inf'].map((le, i) => {
      count += counts[i] ?? 0
      return { metricName: `${this.name}_bucket`, labels: { le, ...labels }, value: count }
    })
    const total = (what: string, value: number) => ({ metricName: `${this.name}_${what}`, labels, value })
    return [...buckets, total('sum', sum), total('count', count)]
  }
}
