import { describe, expect, test } from 'vitest'
import { seriesNames } from './metric-names.ts'
import { complaintsAbout } from './promql.ts'
import { hasAmtool, hasPromtool, runTool } from './promtool.ts'
import { pathOf, yamlOf } from './repository.ts'
import { isAbout, RULE_FILES, RULES, TEST_FILES, type TestFile, titleOf } from './rule-tests.ts'

interface Config {
  global: { scrape_interval: string }
  rule_files: string[]
  alerting: { alertmanagers: { dns_sd_configs: { names: string[]; port: number }[] }[] }
  scrape_configs: { job_name: string; dns_sd_configs: { names: string[]; type: string; port: number }[] }[]
}

const alerts = RULES.filter((rule) => rule.alert !== undefined)
const recordings = RULES.filter((rule) => rule.record !== undefined)
const compose = yamlOf<{ services: Record<string, { environment?: Record<string, string>; ports?: string[] }> }>(
  'docker-compose.yml',
)
const config = yamlOf<Config>('prometheus/prometheus.yml')

describe('prometheus.yml', () => {
  test.each([
    ['chat-enricher', 'worker', 9464],
    ['chat-enricher-api', 'api', 8080],
    ['chat-enricher-webhook', 'webhook', 9464],
  ])('finds every process of %s by DNS', (job, service, port) => {
    const found = config.scrape_configs.filter(({ job_name }) => job_name === job)
    expect(found).toMatchObject([{ dns_sd_configs: [{ names: [service], type: 'A', port }] }])
    const { environment = {} } = compose.services[service] ?? {}
    expect(environment.METRICS_PORT ?? environment.API_PORT).toBe(String(port))
  })

  test('sends alerts to the Alertmanager of compose', () => {
    const [{ names, port }] = config.alerting.alertmanagers.flatMap((one) => one.dns_sd_configs) as [
      { names: string[]; port: number },
    ]
    expect(compose.services[names[0] ?? '']?.ports?.join()).toContain(`:${port}`)
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
  for (const { record } of recordings) series.set(record ?? '', new Set(['role']))

  test.each(RULES.map((rule) => [titleOf(rule), rule.expr]))('%s asks for what exists', (_name, expr) => {
    expect(complaintsAbout(expr, series)).toEqual([])
  })

  test('queue gauges are deduplicated before they are added up', () => {
    for (const { expr } of RULES) expect(expr).not.toMatch(/sum[^(]*\(\s*chat_enricher_queue_/)
  })

  test('name no queue, because queues may have other names', () => {
    for (const { expr } of RULES) expect(expr).not.toMatch(/\bqueue *(=|!)/)
  })

  test('an alert and its severity are not given twice', () => {
    const names = RULES.map(titleOf)
    expect(new Set(names).size).toBe(names.length)
  })
})

describe.each(alerts.map((rule) => [titleOf(rule), rule] as const))('%s', (name, rule) => {
  test('says how bad it is, what it is, and what to do', () => {
    expect(name).toMatch(/^ChatEnricher[A-Z]/)
    expect(['critical', 'warning', 'info']).toContain(rule.labels?.severity)
    expect(rule.annotations?.summary).toMatch(/\S/)
    expect(rule.annotations?.description?.length).toBeGreaterThan(80)
  })

  test('has a test in which it is quiet and one in which it fires', () => {
    const checks = TEST_FILES.flatMap((file) => yamlOf<TestFile>(file).tests)
      .flatMap((one) => one.promql_expr_test)
      .filter((check) => isAbout(check, rule))
    expect(checks.some(({ exp_samples: samples }) => samples === undefined)).toBe(true)
    expect(checks.some(({ exp_samples: samples }) => (samples?.length ?? 0) > 0)).toBe(true)
  })
})

describe.skipIf(!hasPromtool)('promtool', () => {
  test('accepts the configuration', () => {
    expect(runTool('promtool', 'check', 'config', pathOf('prometheus/prometheus.yml'))).toContain('SUCCESS')
  })

  test('accepts the rules, lint included', () => {
    const files = RULE_FILES.map(pathOf)
    expect(runTool('promtool', 'check', 'rules', '--lint=all', '--lint-fatal', ...files)).toContain('SUCCESS')
  })

  // Twelve seconds of both cores, where it has them for itself.
  test('the rules pass their unit tests', { timeout: 240_000 }, () => {
    expect(runTool('promtool', 'test', 'rules', ...TEST_FILES.map(pathOf))).toContain('SUCCESS')
  })
})

describe('alertmanager.yml', () => {
  test('names only alerts that there are', () => {
    const { inhibit_rules: rules } = yamlOf<{
      inhibit_rules: { source_matchers: string[]; target_matchers: string[] }[]
    }>('prometheus/alertmanager.yml')
    const matchers = rules.flatMap((rule) => [...rule.source_matchers, ...rule.target_matchers])
    const names = matchers.filter((one) => one.startsWith('alertname')).flatMap(namesIn)
    expect(names.length).toBeGreaterThan(20)
    const known = alerts.map(({ alert }) => alert ?? '')
    for (const name of names)
      expect(
        known.filter((one) => new RegExp(`^${name}$`).test(one)),
        name,
      ).not.toEqual([])
  })

  test.skipIf(!hasAmtool)('is accepted by amtool', () => {
    expect(runTool('amtool', 'check-config', pathOf('prometheus/alertmanager.yml'))).toContain('SUCCESS')
  })
})

/** The names in a matcher: its pattern holds alternatives in one pair of brackets. */
function namesIn(matcher: string): string[] {
  const pattern = /alertname =~? "?([^"]*)"?$/.exec(matcher)?.[1] ?? ''
  const found = /^([^(]*)\(([^)]*)\)(.*)$/.exec(pattern)
  return found ? (found[2] ?? '').split('|').map((one) => `${found[1]}${one}${found[3]}`) : [pattern]
}
