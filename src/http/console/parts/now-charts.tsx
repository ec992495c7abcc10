import { seconds } from '../../../domain/figures.ts'
import { PHASES } from '../../../domain/timing.ts'
import type { History } from '../../../fleet/history.ts'
import { Chart } from '../charts/chart.tsx'
import { arrivals, type Line, lastWhole, lineOf, perSecond, quantile, type Series, sum } from '../charts/slices.ts'
import { history } from '../state/history.ts'
import { status } from '../state/live.ts'
import { T } from '../texts.ts'
import { rateOf } from './now-figures.tsx'

/** They are last in their view, so nothing moves when they come. */
export function NowCharts() {
  const read = history.value
  if (!read) return null
  const line = lineOf(read)
  return (
    <div class="charts">
      <Flow read={read} line={line} />
      <Latency read={read} line={line} />
      <Calls read={read} line={line} />
      <Phases line={line} />
    </div>
  )
}

type Part = { read: History; line: Line }

function Flow({ read, line }: Part) {
  const came = arrivals(line)
  const results = perSecond(line, read.sliceMs, (slice) => sum(Object.values(slice.results)))
  const series: Series[] = [
    { label: T.flow.arrivals, values: came, colour: 2 },
    { label: T.flow.results, values: results, colour: 1 },
  ]
  const sentence = T.flow.sentence(lastWhole(came), lastWhole(results))
  return <Chart title={T.flow.title} sentence={sentence} times={line.times} series={series} write={T.rate} />
}

function Latency({ read, line }: Part) {
  const of = (part: number) =>
    line.slices.map((slice) => (slice ? quantile(slice.endToEnd, read.boundsMs, part) : null))
  const [half, most, nearlyAll] = [of(0.5), of(0.95), of(0.99)]
  const series: Series[] = [
    { label: 'p50', values: half, colour: 1 },
    { label: 'p95', values: most, colour: 2 },
    { label: 'p99', values: nearlyAll, colour: 4 },
  ]
  const last = lastWhole(most)
  const sentence = T.latency.sentence(last === null ? null : seconds(last))
  return <Chart title={T.latency.title} sentence={sentence} times={line.times} series={series} isLog write={seconds} />
}

const FAILED = ['fault', 'http_error', 'timeout', 'network', 'unreadable'] as const

function Calls({ read, line }: Part) {
  const made = perSecond(line, read.sliceMs, ({ calls }) => sum(Object.values(calls)))
  const failed = perSecond(line, read.sliceMs, ({ calls }) => sum(FAILED.map((outcome) => calls[outcome])))
  const limit = status.value ? rateOf(status.value) : null
  const series: Series[] = [
    { label: T.calls.made, values: made, colour: 1 },
    { label: T.calls.failed, values: failed, colour: 2 },
    ...(limit === null
      ? []
      : [{ label: T.calls.limit, values: line.times.map(() => limit), colour: 5 as const, isLimit: true }]),
  ]
  const sentence = T.calls.sentence(lastWhole(made), lastWhole(failed), limit)
  return <Chart title={T.calls.title} sentence={sentence} times={line.times} series={series} write={T.rate} />
}

const COLOURS = { waited: 5, held: 2, paced: 3, called: 1, delayed: 4 } as const

/** Of each result: where its time went, on average. */
function Phases({ line }: { line: Line }) {
  const series = PHASES.map((phase): Series => {
    const values = line.slices.map((slice) => {
      const results = slice ? sum(Object.values(slice.results)) : 0
      return slice && results > 0 ? slice.phases[phase] / results : null
    })
    return { label: T.phases.names[phase], values, colour: COLOURS[phase] }
  })
  const last = series.map(({ label, values }) => ({ label, ms: lastWhole(values) }))
  const most = last.toSorted((a, b) => (b.ms ?? -1) - (a.ms ?? -1))[0]
  const sentence = T.phases.sentence(!most?.ms ? null : `${most.label} ${seconds(most.ms)}`)
  const shown = { title: T.phases.title, sentence, times: line.times, series }
  return <Chart {...shown} least={100} write={seconds} />
}
