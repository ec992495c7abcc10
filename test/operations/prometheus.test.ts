import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { seriesNames } from './metric-names.ts'
import { complaintsAbout } from './promql.ts'
import { filesIn, pathOf, textOf, yamlOf } from './repository.ts'

interface Rule {
  record?: string
  alert?: string
  expr: string
  for?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
}

interface Config {
  global: { scrape_interval: string }
  rule_files: string[]
  scrape_configs: { job_name: string; dns_sd_configs: { names: string[]; type: string; port: number }[] }[]
}

const ruleFiles = filesIn('prometheus/rules', '.yml')
const testFiles = filesIn('prometheus/tests', '_test.yml')
const rules = ruleFiles
  .flatMap((file) => yamlOf<{ groups: { rules: Rule[] }[] }>(file).groups)
  .flatMap((it) => it.rules)
const alerts = rules.filter((rule) => rule.alert !== undefined)
const recordings = rules.filter((rule) => rule.record !== undefined)
const config = yamlOf<Config>('prometheus/prometheus.yml')

describe('prometheus.yml', () => {
  test('finds every replica of the worker by DNS', () => {
    expect(config.scrape_configs).toHaveLength(1)
    expect(config.scrape_configs[0]).toMatchObject({
      job_name: 'chat-enricher',
      dns_sd_configs: [{ names: ['worker'], type: 'A', port: 9464 }],
    })
    const compose = yamlOf<{ services: Record<string, { expose?: string[] }> }>('docker-compose.yml')
    expect(compose.services.worker?.expose).toContain('9464')
  })

  test('reads the rules', () => {
    expect(config.rule_files).toEqual(['rules/*.yml'])
  })

  test('scrapes as often as Grafana thinks', () => {
    const { datasources } = yamlOf<{ datasources: { jsonData: { timeInterval: string } }[] }>(
      'grafana/provisioning/datasources/prometheus.yml',
    )
    expect(datasources[0]?.jsonData.timeInterval).toBe(config.global.scrape_interval)
  })
})

describe('rules', () => {
  const series = seriesNames()
  // What a rule records, another may ask for; its labels are those that its query leaves.
  for (const { record } of recordings) series.set(record ?? '', new Set(['queue']))

  test.each(rules.map((rule) => [rule.alert ?? rule.record, rule.expr]))('%s asks for what exists', (_name, expr) => {
    expect(complaintsAbout(expr, series)).toEqual([])
  })

  test('queue gauges are deduplicated before they are added up', () => {
    for (const { expr } of rules) expect(expr).not.toMatch(/sum[^(]*\(\s*chat_enricher_queue_/)
  })

  test('names are not given twice', () => {
    const names = rules.map((rule) => rule.alert ?? rule.record)
    expect(new Set(names).size).toBe(names.length)
  })
})

describe.each(alerts.map((rule) => [rule.alert ?? '', rule] as const))('%s', (name, rule) => {
  test('says how bad it is, what it is, and what to do', () => {
    expect(name).toMatch(/^ChatEnricher[A-Z]/)
    expect(['critical', 'warning', 'info']).toContain(rule.labels?.severity)
    expect(rule.annotations?.summary).toMatch(/\S/)
    expect(rule.annotations?.description?.length).toBeGreaterThan(80)
  })

  test('has a test in which it is quiet and one in which it fires', () => {
    const cases = testFiles
      .flatMap((file) => yamlOf<{ tests: { alert_rule_test?: AlertCase[] }[] }>(file).tests)
      .flatMap((it) => it.alert_rule_test ?? [])
      .filter((it) => it.alertname === name)
    expect(cases.some((it) => it.exp_alerts === undefined)).toBe(true)
    expect(cases.some((it) => (it.exp_alerts?.length ?? 0) > 0)).toBe(true)
  })
})

interface AlertCase {
  alertname: string
  exp_alerts?: unknown[]
}

const promtoolIsHere = hasPromtool()
const promtoolIsDue = process.env.CI === 'true'
const WHERE_FROM = 'promtool is not on PATH (Debian: apt-get install --no-install-recommends prometheus)'
if (!promtoolIsHere && !promtoolIsDue) console.warn(`skipped: ${WHERE_FROM}; with CI=true this is a failure`)

describe.skipIf(!promtoolIsHere && !promtoolIsDue)('promtool', () => {
  test('accepts the configuration', () => {
    expect(promtool('check', 'config', pathOf('prometheus/prometheus.yml'))).toContain('SUCCESS')
  })

  test('accepts the rules, lint included', () => {
    expect(promtool('check', 'rules', '--lint=all', '--lint-fatal', ...ruleFiles.map(pathOf))).toContain('SUCCESS')
  })

  test('the rules pass their unit tests', () => {
    expect(promtool('test', 'rules', ...testFiles.map(pathOf))).toContain('SUCCESS')
  })
})

test('the unit tests are about these rules', () => {
  for (const file of testFiles) expect(textOf(file)).toContain('../rules/chat-enricher.yml')
})

function promtool(...args: string[]): string {
  if (!promtoolIsHere) throw new Error(WHERE_FROM)
  try {
    return execFileSync('promtool', args, { encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    throw new Error(`promtool ${args.join(' ')}\n${stdout ?? ''}${stderr ?? ''}`, { cause: error })
  }
}

function hasPromtool(): boolean {
  try {
    execFileSync('promtool', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
