import { describe, expect, test } from 'vitest'
import { dashboardFiles } from '../../grafana/src/dashboards.ts'
import { seriesNames } from './metric-names.ts'
import { complaintsAbout } from './promql.ts'
import { filesIn, textOf, yamlOf } from './repository.ts'
import { RULES } from './rule-tests.ts'

interface Target {
  expr: string
  refId: string
  datasource: unknown
}

interface Panel {
  id: number
  type: string
  title: string
  description?: string
  datasource?: unknown
  gridPos: { x: number; y: number; w: number; h: number }
  targets?: Target[]
  links?: { url: string }[]
  fieldConfig?: { defaults: { unit?: string; thresholds?: { steps: unknown[] } } }
  options?: { yAxis?: { unit?: string } }
  panels?: Panel[]
}

interface Dashboard {
  uid: string
  title: string
  panels: Panel[]
  annotations: { list: { name: string; expr?: string }[] }
  templating: { list: { name: string; type: string; query: unknown }[] }
}

const committed = filesIn('grafana/dashboards', '.json')
const dashboards = committed.map((file) => [file, JSON.parse(textOf(file)) as Dashboard] as const)
const series = seriesNames()
for (const { record } of RULES) if (record) series.set(record, new Set(['role']))

test('the files are what grafana/src makes (npm run dashboards)', () => {
  const made = dashboardFiles()
  expect(committed).toEqual([...made.keys()].sort().map((name) => `grafana/dashboards/${name}`))
  for (const [name, text] of made) expect(textOf(`grafana/dashboards/${name}`), name).toBe(text)
})

test('no two dashboards have the same uid', () => {
  const uids = dashboards.map(([, { uid }]) => uid)
  expect(new Set(uids).size).toBe(uids.length)
})

test('provisioning: the data source that the dashboards choose, and their directory', () => {
  const { datasources } = yamlOf<{ datasources: { type: string; isDefault: boolean }[] }>(
    'grafana/provisioning/datasources/prometheus.yml',
  )
  expect(datasources).toMatchObject([{ type: 'prometheus', isDefault: true }])
  const { providers } = yamlOf<{ providers: { options: { path: string } }[] }>(
    'grafana/provisioning/dashboards/chat-enricher.yml',
  )
  const { services } = yamlOf<{ services: { grafana: { volumes: string[] } } }>('docker-compose.yml')
  expect(services.grafana.volumes).toContain(`./grafana/dashboards:${providers[0]?.options.path}:ro`)
})

describe.each(dashboards)('%s', (_file, board) => {
  const all = board.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])])
  const panels = all.filter((panel) => panel.type !== 'row')

  test('has panels, each with an id of its own', () => {
    expect(panels.length).toBeGreaterThan(0)
    const ids = all.map((panel) => panel.id)
    expect(ids.every((id) => Number.isInteger(id) && id > 0)).toBe(true)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('fits into the grid, and no panel lies on another', () => {
    const cells = all.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
    )
    for (const { gridPos } of all) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
    expect(new Set(cells).size).toBe(cells.length)
  })

  test('lets the reader choose data source, job, queue and instance, and say where the runbooks are', () => {
    expect(board.templating.list.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'datasource datasource',
      'job query',
      'role query',
      'instance query',
      'runbooks textbox',
    ])
  })

  test('marks holds, releases and deployments', () => {
    expect(board.annotations.list.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['Hold', 'Release', 'Deployment', 'Alert']),
    )
  })

  test('names no queue, because queues may have other names', () => {
    for (const { targets = [] } of panels) for (const { expr } of targets) expect(expr).not.toMatch(/\bqueue *(=|!)/)
  })

  test.each(panels.map((panel) => [panel.title, panel] as const))(
    '%s: described, with unit, thresholds, source and a runbook',
    (_, panel) => {
      expect(panel.description).toMatch(/\S.{60,}/)
      expect(panel.fieldConfig?.defaults.unit ?? panel.options?.yAxis?.unit).toMatch(/\S/)
      expect(panel.fieldConfig?.defaults.thresholds?.steps.length).toBeGreaterThan(0)
      const runbook = /^\$\{runbooks\}\/(ChatEnricher\w+)\.md$/.exec(panel.links?.[0]?.url ?? '')?.[1]
      expect(RULES.map(({ alert }) => alert)).toContain(runbook)
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana replaces it
      const source = { type: 'prometheus', uid: '${datasource}' }
      expect(panel.datasource).toEqual(source)
      for (const target of panel.targets ?? []) expect(target.datasource).toEqual(source)
    },
  )

  test.each(panels.map((panel) => [panel.title, panel] as const))('%s: asks for what exists', (_, { targets = [] }) => {
    expect(targets.length).toBeGreaterThan(0)
    expect(new Set(targets.map((target) => target.refId)).size).toBe(targets.length)
    for (const { expr } of targets) expect(complaintsAbout(expr, series)).toEqual([])
  })

  test('annotations ask for what exists', () => {
    const asked = board.annotations.list.map(({ expr }) => expr).filter((expr) => expr !== undefined)
    expect(asked.length).toBeGreaterThan(0)
    for (const expr of asked) expect(complaintsAbout(expr, series)).toEqual([])
  })
})

describe('the check of queries itself', () => {
  test.each([
    ['sum(rate(chat_enricher_lookups_total[5m])', 'not PromQL'],
    ['chat_enricher_lookup_total', 'no such metric: chat_enricher_lookup_total'],
    ['chat_enricher_lookup_wait_seconds', 'no such metric: chat_enricher_lookup_wait_seconds'],
    ['sum by (reason) (chat_enricher_lookups_total)', 'no such label: reason'],
    ['chat_enricher_lookups_total{state="failed"}', 'no such label: state'],
    ['vector(1)', 'names no metric'],
  ])('%s: %s', (expr, complaint) => {
    expect(complaintsAbout(expr, series).join()).toContain(complaint)
  })

  test('a good one', () => {
    const expr = 'sum by (le) (rate(chat_enricher_lookup_wait_seconds_bucket{instance="a"}[$__rate_interval]))'
    expect(complaintsAbout(expr, series)).toEqual([])
  })
})
