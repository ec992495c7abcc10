/**
 * Draws one chart with uPlot, which is a file of its own: the page says how the fleet is before it can draw lines. The newest
 * slice is not over yet, so the line to it is broken.
 */

import { effect, signal } from '@preact/signals'
import type uPlot from 'uplot'
import { isDrawn } from '../state/live.ts'
import { clock, minute } from '../state/time.ts'
import type { Series } from './slices.ts'

export interface PlotOptions {
  isLog: boolean
  /** The axis reaches up to this, also where all is 0. */
  least: number
  /** How a value is written at the axis. */
  write(value: number): string
  height: number
}

export type Plotted = Pick<uPlot, 'setData' | 'setSize' | 'destroy'>

const DARK = matchMedia('(prefers-color-scheme: dark)')

/** Calls back when the system changes between dark and light; returns what stops it. */
export function onScheme(changed: () => void): () => void {
  DARK.addEventListener('change', changed)
  return () => DARK.removeEventListener('change', changed)
}

/** What draws; null until it is there. It is loaded once the first snapshot is drawn, and again where that failed. */
export const plots = signal<typeof uPlot | null>(null)

const AGAIN_MS = 2_000

function load(): void {
  import('uplot').then(
    (loaded) => {
      plots.value = loaded.default
    },
    () => setTimeout(load, AGAIN_MS),
  )
}

effect(() => {
  if (isDrawn.value) load()
})

export function draw(
  Plot: typeof uPlot,
  at: HTMLElement,
  series: readonly Series[],
  data: uPlot.AlignedData,
  options: PlotOptions,
): Plotted {
  return new Plot(optionsOf(Plot, series, at.clientWidth, options), data, at)
}

function optionsOf(
  Plot: typeof uPlot,
  series: readonly Series[],
  width: number,
  { isLog, least, write, height }: PlotOptions,
): uPlot.Options {
  const style = getComputedStyle(document.documentElement)
  const colour = (name: string) => style.getPropertyValue(`--${name}`)
  const axis = { stroke: colour('soft'), grid: { stroke: colour('grid'), width: 1 }, ticks: { show: false } }
  const font = `11px ${style.getPropertyValue('--font')}`
  return {
    width,
    height,
    padding: [10, 24, 0, 0], // of its own it depends on the labels, and the lines move with it
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: true, range: someMinutes },
      y: isLog ? { distr: 3, range: decades(Plot) } : { range: fromZero(least) },
    },
    axes: [
      { ...axis, font, size: 32, gap: 9, values: (_, times) => times.map((time) => axisTime(time)), space: 70 },
      { ...axis, font, size: 52, values: (_, values) => values.map((value) => (value == null ? '' : write(value))) },
    ],
    series: [
      {},
      ...series.flatMap(({ colour: number, isLimit }): uPlot.Series[] => {
        const line = { stroke: colour(`series-${number}`), width: 1.6, points: { show: false } }
        return isLimit ? [{ ...line, width: 1, dash: [2, 4] }] : [line, { ...line, dash: [3, 3], width: 1.2 }]
      }),
    ],
  }
}

function fromZero(least: number): uPlot.Range.Function {
  return (_, __, max) => [0, Math.max(least, (max ?? 0) * 1.1)]
}

/** Of milliseconds. An axis without a range is not drawn, and moves its chart once it is. */
const DECADES_OF_NOTHING: uPlot.Range.MinMax = [100, 10_000]

function decades(Plot: typeof uPlot): uPlot.Range.Function {
  return (_, min, max) => (min == null || max == null ? DECADES_OF_NOTHING : Plot.rangeLog(min, max, 10, true))
}

const FIVE_MINUTES = 300

/** Where little or nothing is known yet, the axis has its times all the same. */
function someMinutes({ data: [times] }: uPlot): uPlot.Range.MinMax {
  const last = times.at(-1) ?? Date.now() / 1000
  return [Math.min(times[0] ?? last, last - FIVE_MINUTES), last] // what uPlot makes of a single time are years
}

function axisTime(seconds: number): string {
  return seconds % 60 === 0 ? minute(seconds * 1000) : clock(seconds * 1000)
}
