/** Prints the PrometheusRule of kubernetes/monitoring, made of prometheus/rules; `--write` puts it there. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { parse, stringify } from 'yaml'

export const RULE_FILE = 'kubernetes/monitoring/prometheus-rule.yaml'
const HEAD =
  '# No cluster has run this file here: tests check it against the schemas of Kubernetes and of the operators.\n' +
  '# Made of prometheus/rules by `npm run kubernetes -- --write`.\n'

/** An operator's Prometheus serves no runbooks: kustomization.yaml puts an address there, in one place. */
const SERVED_BY_PROMETHEUS = '{{ $externalURL }}/consoles/'
const RUNBOOKS = 'RUNBOOKS/'

const fileOf = (path: string) => new URL(`../${path}`, import.meta.url)

export function prometheusRule(): string {
  const files = readdirSync(fileOf('prometheus/rules')).filter((name) => name.endsWith('.yml'))
  const read = (name: string) =>
    parse(readFileSync(fileOf(`prometheus/rules/${name}`), 'utf8')) as { groups: unknown[] }
  const groups = JSON.parse(
    JSON.stringify(files.toSorted().flatMap((name) => read(name).groups)).replaceAll(SERVED_BY_PROMETHEUS, RUNBOOKS),
  )
  const rule = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'chat-enricher' },
    spec: { groups },
  }
  return HEAD + stringify(rule, { lineWidth: 120, aliasDuplicateObjects: false })
}

if (process.argv[1]?.endsWith('kubernetes.ts')) {
  if (process.argv.includes('--write')) writeFileSync(fileOf(RULE_FILE), prometheusRule())
  else console.log(prometheusRule())
}
