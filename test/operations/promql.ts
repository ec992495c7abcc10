/** Reads PromQL as far as our tests need it: is it PromQL, and which metrics and labels does it name. */

import { parser } from '@prometheus-io/lezer-promql'

export interface Query {
  /** Pieces of the text that are not PromQL. */
  errors: string[]
  metrics: string[]
  labels: string[]
}

export function readPromql(expr: string): Query {
  const query: Query = { errors: [], metrics: [], labels: [] }
  // Grafana's own variables are not PromQL.
  const text = expr.replaceAll(/\$(__rate_interval|__interval|__range)\b/g, '5m')
  parser.parse(text).iterate({
    enter(node) {
      const words = text.slice(node.from, node.to)
      if (node.type.isError) query.errors.push(text.slice(Math.max(0, node.from - 20), node.to + 20))
      // Grouping labels, and the names in matchers; a quoted name would be another node, and we quote none.
      else if (node.name === 'LabelName') query.labels.push(words)
      else if (node.name === 'Identifier' && node.matchContext(['VectorSelector'])) query.metrics.push(words)
    },
  })
  return query
}

/**
 * What is wrong with a query, given the labels of every series there is: nothing, if the list is empty.
 * A label counts as known if any of the query's metrics has it.
 */
export function complaintsAbout(expr: string, series: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const { errors, metrics, labels } = readPromql(expr)
  const known = new Set(metrics.flatMap((metric) => [...(series.get(metric) ?? [])]))
  return [
    ...errors.map((near) => `not PromQL near «${near}»`),
    ...(metrics.length === 0 ? ['names no metric'] : []),
    ...metrics.filter((metric) => !series.has(metric)).map((metric) => `no such metric: ${metric}`),
    ...labels.filter((label) => !known.has(label)).map((label) => `no such label: ${label}`),
  ].map((complaint) => `${complaint}, in: ${expr}`)
}
