import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type uPlot from 'uplot'
import { clock } from '../state/time.ts'
import { T } from '../texts.ts'
import { draw, onScheme, type Plotted, plots } from './plot.ts'
import { linesOf, type Series } from './slices.ts'

export interface ChartProps {
  title: string
  /** What it shows now, in words: for whoever cannot see it, and for whoever is in a hurry. */
  sentence: string
  times: readonly number[]
  series: readonly Series[]
  isLog?: boolean
  /** The least that the axis reaches up to; 4 if nothing is said. */
  least?: number
  write(value: number): string
}

const HEIGHT = 190

export function Chart({ title, sentence, times, series, isLog = false, least = 4, write }: ChartProps) {
  const place = useRef<HTMLDivElement>(null)
  const plotted = useRef<Plotted | null>(null)
  const data = [times, ...linesOf(series)] as unknown as uPlot.AlignedData
  const latest = useRef(data)
  latest.current = data
  const shape = series.map(({ label, isLimit }) => `${label}${isLimit ?? ''}`).join('\n')
  const Plot = plots.value
  // It is drawn anew only when it has other lines.
  useEffect(() => {
    if (!Plot) return
    const at = place.current as HTMLDivElement
    const anew = () => {
      plotted.current?.destroy()
      plotted.current = draw(Plot, at, series, latest.current, { isLog, least, write, height: HEIGHT })
    }
    anew()
    const size = new ResizeObserver(() => plotted.current?.setSize({ width: at.clientWidth, height: HEIGHT }))
    size.observe(at)
    const stop = onScheme(anew)
    return () => {
      stop()
      size.disconnect()
      plotted.current?.destroy()
      plotted.current = null
    }
  }, [shape, Plot])
  useEffect(() => plotted.current?.setData(data))
  return (
    <figure class="card">
      <h3>{title}</h3>
      <figcaption>{sentence}</figcaption>
      <div class="plot" ref={place} aria-hidden="true" />
      <Legend series={series} />
      <AsTable title={title} times={times} series={series} write={write} />
    </figure>
  )
}

function Legend({ series }: { series: readonly Series[] }) {
  return (
    <ul class="legend" aria-hidden="true">
      {series.map(({ label, colour }) => (
        <li key={label}>
          <span class={`swatch s${colour}`} />
          {label}
        </li>
      ))}
    </ul>
  )
}

const ROWS = 30

/** Its rows are made only while it is open. */
function AsTable({ title, times, series, write }: Pick<ChartProps, 'title' | 'times' | 'series' | 'write'>) {
  const isOpen = useSignal(false)
  return (
    <details onToggle={(event) => (isOpen.value = event.currentTarget.open)}>
      <summary>{T.chart.table}</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <section class="scroll low" tabIndex={0} aria-label={title}>
        <table>
          <caption class="unseen">{T.chart.caption(title)}</caption>
          <thead>
            <tr>
              <th scope="col">{T.chart.time}</th>
              {series.map(({ label }) => (
                <th key={label} scope="col" class="figure">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>{isOpen.value ? rowsOf(times, series, write) : null}</tbody>
        </table>
      </section>
    </details>
  )
}

function rowsOf(times: readonly number[], series: readonly Series[], write: ChartProps['write']) {
  const from = Math.max(0, times.length - ROWS)
  return times
    .slice(from)
    .map((time, index) => (
      <tr key={time}>
        <td>
          {clock(time * 1000)}
          {from + index === times.length - 1 ? ` ${T.chart.unfinished}` : ''}
        </td>
        {series.map(({ label, values }) => (
          <td key={label} class="figure">
            {written(values[from + index], write)}
          </td>
        ))}
      </tr>
    ))
    .reverse()
}

function written(value: number | null | undefined, write: ChartProps['write']): string {
  return value == null ? '–' : write(value)
}
