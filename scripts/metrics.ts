/** Prints the tables of docs/metrics.md, made of the metrics that the code defines; `--write` puts them there. */

import { readFileSync, writeFileSync } from 'node:fs'
import type { Registry } from 'prom-client'
import { createApiMetrics } from '../src/observe/api-metrics.ts'
import { createMetrics } from '../src/observe/metrics.ts'
import { createWebhookMetrics } from '../src/observe/webhook-metrics.ts'

export const METRICS_FILE = 'docs/metrics.md'

const BUILD = { version: '0', revision: '0' }
const PREFIX = 'chat_enricher_'
const FLEET = /^Fleet \((max|min)\): /

export interface Metric {
  /** In full. */
  name: string
  type: string
  labels: string[]
  /** The values of each label that are there from the start. */
  values: Record<string, string[]>
  help: string
  /** The commands that serve it. */
  servedBy: string[]
}

/** Ours, by name, and not those of Node and of the process. */
export async function ourMetrics(): Promise<Metric[]> {
  const found = new Map<string, Metric>()
  const servers = { worker: createMetrics(BUILD), api: createApiMetrics(BUILD), webhook: createWebhookMetrics(BUILD) }
  for (const [command, { registry }] of Object.entries(servers)) {
    for (const metric of await metricsOf(registry)) {
      const known = found.get(metric.name)
      if (known) known.servedBy.push(command)
      else found.set(metric.name, { ...metric, servedBy: [command] })
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function metricsOf(registry: Registry): Promise<Omit<Metric, 'servedBy'>[]> {
  const labels = new Map(
    registry.getMetricsAsArray().map((metric) => {
      const { name, labelNames = [] } = metric as unknown as { name: string; labelNames?: string[] }
      return [name, labelNames]
    }),
  )
  const all = await registry.getMetricsAsJSON()
  return all
    .filter(({ name }) => name.startsWith(PREFIX))
    .map(({ name, type, help, values }) => {
      const own = labels.get(name) ?? []
      const seen = (label: string) => [
        ...new Set(values.flatMap(({ labels }) => (labels as Record<string, string>)[label] ?? [])),
      ]
      // The build's labels hold a version, which no table should.
      const known = name.endsWith('_info') ? [] : own.map((label) => [label, seen(label)])
      return { name, type: `${type}`, labels: own, help, values: Object.fromEntries(known) }
    })
}

const UNITS: [ending: RegExp, unit: string][] = [
  [/_timestamp_seconds$/, 's since 1970'],
  [/_seconds(_total)?$/, 's'],
  [/_bytes$/, 'bytes'],
  [/_per_second$/, 'calls/s'],
  [/_info$|_ok$|_up$|_active$|_held$/, '0 or 1'],
]

function row({ name, type, labels, values, help, servedBy }: Metric): string {
  const unit = UNITS.find(([ending]) => ending.test(name))?.[1] ?? 'number'
  const fleet = FLEET.exec(help)?.[1]
  const told = labels.map((label) => `\`${label}\`${values[label]?.length ? `: ${values[label].join(', ')}` : ''}`)
  const what = help.replace(FLEET, '')
  const meaning = (what[0]?.toUpperCase() ?? '') + what.slice(1)
  const cells = [
    `\`${name.slice(PREFIX.length)}\``,
    type,
    told.join('; ') || '–',
    unit,
    fleet ? `fleet (\`${fleet}\`)` : 'process',
    servedBy.join(', '),
    meaning,
  ]
  return `| ${cells.join(' | ')} |`
}

/** The text of docs/metrics.md with the table as the code has it. */
export async function withMetrics(text: string): Promise<string> {
  const opening = '<!-- metrics: npm run metrics -- --write -->'
  const start = text.indexOf(opening)
  const end = text.indexOf('<!-- /metrics -->')
  if (start < 0 || end < start) throw new Error(`${METRICS_FILE}: expected ${opening} and its end, got one or none`)
  return `${text.slice(0, start + opening.length)}\n${await table()}\n${text.slice(end)}`
}

async function table(): Promise<string> {
  const head = [
    '| name | type | labels | unit | of | served by | meaning |',
    '| --- | --- | --- | --- | --- | --- | --- |',
  ]
  return [...head, ...(await ourMetrics()).map(row)].join('\n')
}

if (process.argv[1]?.endsWith('metrics.ts')) {
  const url = new URL(`../${METRICS_FILE}`, import.meta.url)
  if (process.argv.includes('--write')) writeFileSync(url, await withMetrics(readFileSync(url, 'utf8')))
  else console.log(await table())
}
