/**
 * The kinds of panel that our dashboards are made of, each with the settings they share: the data source variable, a
 * legend and tooltip that can be read, and what nobody may leave out (id, title, description, unit).
 *
 * Ids are given by hand and stay with their panel, so that links to one panel (`viewPanel=…`) outlive a new neighbour.
 */

import * as common from '@grafana/grafana-foundation-sdk/common'
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard'
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap'
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus'
import * as stat from '@grafana/grafana-foundation-sdk/stat'
import * as statetimeline from '@grafana/grafana-foundation-sdk/statetimeline'
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries'

/** Chosen in the dashboard, so that one file works provisioned and imported. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana replaces it
export const DATASOURCE = { type: 'prometheus', uid: '${datasource}' }

/** Columns of Grafana's grid. */
const GRID = 24

export interface Panel {
  id: number
  title: string
  /** What is good, and what to do when it is not. */
  description: string
  unit: string
  /** Whose runbook says more: the name of an alert. */
  runbook: string
  /** Lower bound of each colour; the first holds from the smallest value on. */
  thresholds: [colour: string, from: number | null][]
}

/** PromQL by the legend it is shown under; a legend may hold `{{label}}`. */
export type Queries = Record<string, string>

export interface StatPanel extends Panel {
  expr: string
  /** Shown instead of a number. */
  texts?: Record<string, string>
  /** Shown when there is nothing to show a number of. */
  noValue?: string
}

export interface SeriesPanel extends Panel {
  queries: Queries
  /** Of series whose colour means something. */
  colours?: Record<string, string>
  /** Width in columns; a third of the row if not given. */
  span?: number
  stacked?: boolean
}

export function row(id: number, title: string): dashboard.RowBuilder {
  return new dashboard.RowBuilder(title).id(id)
}

/** What nobody may leave out; each kind of panel adds its own. */
function shared<B extends AnyPanel>(builder: B, panel: Panel, height: number, span: number): B {
  builder
    .id(panel.id)
    .title(panel.title)
    .description(panel.description)
    .unit(panel.unit)
    .datasource(DATASOURCE)
    .height(height)
    .span(span)
    .links([runbookLink(panel.runbook)])
    .thresholds(thresholds(panel.thresholds))
  return builder
}

type AnyPanel = stat.PanelBuilder | timeseries.PanelBuilder | heatmap.PanelBuilder | statetimeline.PanelBuilder

/** Prometheus serves the runbooks of docs/runbooks in compose; the variable says where they are elsewhere. */
function runbookLink(alert: string): dashboard.DashboardLinkBuilder {
  return new dashboard.DashboardLinkBuilder(`Runbook: ${alert}`)
    .type(dashboard.DashboardLinkType.Link)
    .url(`\${runbooks}/${alert}.md`)
    .targetBlank(true)
}

/** One number with a sparkline, an eighth of the row. */
export function statPanel(panel: StatPanel): stat.PanelBuilder {
  return shared(new stat.PanelBuilder(), panel, 4, GRID / 8)
    .noValue(panel.noValue ?? '–')
    .colorScheme(new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.Thresholds))
    .mappings(texts(panel.texts))
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .colorMode(common.BigValueColorMode.Value)
    .graphMode(common.BigValueGraphMode.Area)
    .withTarget(query('A', panel.title, panel.expr))
}

export function seriesPanel(panel: SeriesPanel): timeseries.PanelBuilder {
  const builder = shared(new timeseries.PanelBuilder(), panel, 8, panel.span ?? GRID / 3)
    .thresholdsStyle(
      new common.GraphThresholdsStyleConfigBuilder().mode(
        panel.thresholds.length > 1 ? common.GraphThresholdsStyleMode.Dashed : common.GraphThresholdsStyleMode.Off,
      ),
    )
    .min(0)
    .lineWidth(1)
    .fillOpacity(panel.stacked ? 40 : 10)
    .showPoints(common.VisibilityMode.Never)
    .legend(
      new common.VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    )
  if (panel.stacked) builder.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal))
  for (const [name, colour] of Object.entries(panel.colours ?? {})) {
    builder.overrideByName(name, [{ id: 'color', value: { mode: 'fixed', fixedColor: colour } }])
  }
  Object.entries(panel.queries).forEach(([legend, expr], index) => {
    builder.withTarget(query(String.fromCharCode(65 + index), legend, expr))
  })
  return builder
}

/** `expr` gives one series for each bucket, by `le`; `unit` is that of the buckets. */
export function heatmapPanel(panel: Panel & { expr: string; span: number }): heatmap.PanelBuilder {
  return shared(new heatmap.PanelBuilder(), panel, 8, panel.span)
    .calculate(false)
    .yAxis(new heatmap.YAxisConfigBuilder().unit(panel.unit))
    .cellValues(new heatmap.CellValuesBuilder().decimals(0))
    .color(
      new heatmap.HeatmapColorOptionsBuilder()
        .mode(heatmap.HeatmapColorMode.Scheme)
        .scheme('Oranges')
        .scale(heatmap.HeatmapColorScale.Exponential)
        .exponent(0.5)
        .steps(64),
    )
    .tooltip(new heatmap.HeatmapTooltipBuilder().mode(common.TooltipDisplayMode.Single).yHistogram(true))
    .withTarget(query('A', '{{le}}', panel.expr).format(prometheus.PromQueryFormat.Heatmap))
}

/** When what was on: a line for each legend, in the colour of its value. */
export function statePanel(
  panel: Panel & { queries: Queries; texts: Record<string, [text: string, colour: string]> },
): statetimeline.PanelBuilder {
  const builder = shared(new statetimeline.PanelBuilder(), panel, 6, GRID)
    .colorScheme(new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.Thresholds))
    .mappings(texts(panel.texts))
    .showValue(common.VisibilityMode.Never)
    .rowHeight(0.8)
    .mergeValues(true)
    .legend(
      new common.VizLegendOptionsBuilder()
        .showLegend(false)
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom),
    )
  Object.entries(panel.queries).forEach(([legend, expr], index) => {
    builder.withTarget(query(String.fromCharCode(65 + index), legend, expr))
  })
  return builder
}

/** Marks on every panel's time axis. */
export function annotation(
  name: string,
  expr: string,
  colour: string,
  title: string,
): dashboard.AnnotationQueryBuilder {
  return new dashboard.AnnotationQueryBuilder()
    .name(name)
    .datasource(DATASOURCE)
    .enable(true)
    .iconColor(colour)
    .expr(expr)
    .titleFormat(title)
    .step('60s')
}

function query(refId: string, legend: string, expr: string): prometheus.DataqueryBuilder {
  return new prometheus.DataqueryBuilder().refId(refId).datasource(DATASOURCE).expr(expr).legendFormat(legend).range()
}

function thresholds(steps: Panel['thresholds']): dashboard.ThresholdsConfigBuilder {
  return new dashboard.ThresholdsConfigBuilder()
    .mode(dashboard.ThresholdsMode.Absolute)
    .steps(steps.map(([color, value]) => ({ color, value })))
}

/** A text for each value, or a text and its colour. */
function texts(byValue: Record<string, string | [text: string, colour: string]> = {}): dashboard.ValueMapping[] {
  const options = Object.fromEntries(
    Object.entries(byValue).map(([value, said], index) => {
      const [text, color] = typeof said === 'string' ? [said] : said
      return [value, { text, index, ...(color ? { color } : {}) }]
    }),
  )
  return Object.keys(options).length === 0 ? [] : [{ type: dashboard.MappingType.ValueToText, options }]
}
