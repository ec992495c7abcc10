/** What our dashboards have in common: variables, marks of holds, releases and deployments, links to each other. */

import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard'
import { annotation, DATASOURCE, row } from './panels.ts'
import { fleet } from './queries.ts'

type Panels = Parameters<dashboard.DashboardBuilder['withPanel']>[0][]

export interface Board {
  uid: string
  title: string
  description: string
  /** The panels of each row; the first row has no title. Rows have ids of their own: 1000, 1001, … */
  rows: [title: string, panels: Panels][]
}

export function boardOf({ uid, title, description, rows }: Board): dashboard.Dashboard {
  const builder = new dashboard.DashboardBuilder(`Chat Enricher - ${title}`)
    .uid(uid)
    .description(description)
    .tags(['chat-enricher'])
    .timezone('browser')
    .refresh('15s')
    .time({ from: 'now-1h', to: 'now' })
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .links([
      new dashboard.DashboardLinkBuilder('Chat Enricher')
        .type(dashboard.DashboardLinkType.Dashboards)
        .tags(['chat-enricher'])
        .asDropdown(true)
        .keepTime(true)
        .includeVars(true),
    ])
  for (const variable of variables()) builder.withVariable(variable)
  for (const mark of marks()) builder.annotation(mark)
  rows.forEach(([name, panels], index) => {
    if (name !== '') builder.withRow(row(1000 + index, name))
    for (const panel of panels) builder.withPanel(panel)
  })
  return builder.build()
}

function variables() {
  return [
    new dashboard.DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
    chosen('job', 'Job', 'label_values(chat_enricher_build_info, job)'),
    chosen('role', 'Queue', 'label_values(chat_enricher_queue_jobs, role)'),
    chosen('instance', 'Instance', 'label_values(chat_enricher_build_info{job=~"$job"}, instance)'),
    new dashboard.TextBoxVariableBuilder('runbooks').label('Runbooks').defaultValue('http://127.0.0.1:9090/consoles'),
  ]
}

function chosen(name: string, label: string, query: string): dashboard.QueryVariableBuilder {
  return new dashboard.QueryVariableBuilder(name)
    .label(label)
    .datasource(DATASOURCE)
    .current({ selected: true, text: ['All'], value: ['$__all'] })
    .query({ query, refId: name })
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
}

function marks() {
  const held = `max by (reason) (${fleet('hold_active')})`
  const before = `max by (reason) (${fleet('hold_active')} offset 1m)`
  return [
    annotation('Hold', `${held} == 1`, 'orange', 'held: {{reason}}'),
    annotation('Release', `${held} == 0 and ${before} == 1`, 'green', 'goes on: {{reason}}'),
    annotation(
      'Deployment',
      `count by (version) (${fleet('build_info')} unless on (version) ${fleet('build_info')} offset 2m)`,
      'blue',
      'version {{version}}',
    ),
    annotation('Alert', 'ALERTS{alertname=~"ChatEnricher.+", alertstate="firing"}', 'red', '{{alertname}}'),
  ]
}
