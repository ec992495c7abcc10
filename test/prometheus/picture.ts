/** Draws what the panels of a dashboard show, for the eye: no Grafana is at hand. Lines, a heatmap's cells, and numbers. */

import type { Series } from './server.ts'

interface Panel {
  type: string
  title: string
  gridPos: { x: number; y: number; w: number; h: number }
  targets?: { expr: string; legendFormat?: string }[]
}

type Range = (expr: string) => Promise<Series[]>

interface Line {
  name: string
  points: [at: number, value: number][]
}

const CELL = { width: 55, height: 28 }
const MARGIN = { left: 10, top: 30, right: 10, bottom: 24 }
const COLOURS = ['#3274d9', '#e0752d', '#299c46', '#c4162a', '#8f3bb8', '#b78c00', '#00829b', '#7a5195']

export async function pictureOf(dashboard: { title: string; panels: Panel[] }, range: Range): Promise<string> {
  const height = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h)) * CELL.height
  const parts: string[] = []
  for (const panel of dashboard.panels) parts.push(await drawn(panel, range))
  const size = `width="${24 * CELL.width}" height="${height}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="11"><title>${escaped(dashboard.title)}</title><rect ${size} fill="#fff"/>\n${parts.join('\n')}\n</svg>\n`
}

async function drawn(panel: Panel, range: Range): Promise<string> {
  const { x, y, w, h } = panel.gridPos
  const box = { width: w * CELL.width - 8, height: h * CELL.height - 8 }
  const frame = `<g transform="translate(${x * CELL.width + 4},${y * CELL.height + 4})">`
  const title = `<text x="10" y="18" font-weight="bold">${escaped(panel.title)}</text>`
  if (panel.type === 'row') return `${frame}${title}</g>`
  const border = `<rect width="${box.width}" height="${box.height}" fill="none" stroke="#ccc"/>`
  const lines = await linesOf(panel, range)
  const body = lines.length === 0 ? '<text x="10" y="50" fill="#888">nothing</text>' : bodyOf(panel, lines, box)
  return `${frame}${border}${title}${body}</g>`
}

async function linesOf({ targets = [] }: Panel, range: Range): Promise<Line[]> {
  const lines: Line[] = []
  for (const { expr, legendFormat = '' } of targets) {
    for (const { metric, values = [] } of await range(expr)) {
      const name = legendFormat.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? '')
      const points = values.map(([at, value]) => [at, Number(value)] as [number, number])
      lines.push({ name, points: points.filter(([, value]) => Number.isFinite(value)) })
    }
  }
  return lines.filter(({ points }) => points.length > 0)
}

type Box = { width: number; height: number }

function bodyOf({ type }: Panel, lines: Line[], box: Box): string {
  if (type === 'stat') return number(lines[0] as Line)
  if (type === 'heatmap') return cells(differences(lines), box)
  if (type === 'state-timeline') return cells(lines, box)
  return chart(lines, box)
}

function number({ points }: Line): string {
  return `<text class="number" x="10" y="62" font-size="26">${short(points.at(-1)?.[1] ?? 0)}</text>`
}

function chart(lines: Line[], box: Box): string {
  const top = Math.max(...lines.flatMap(({ points }) => points.map(([, value]) => value)), 1e-9)
  const place = placeIn(lines, box)
  const inner = box.height - MARGIN.top - MARGIN.bottom
  const drawn = lines.map(({ points }, index) => {
    const at = points.map(([time, value]) => `${place(time)},${(MARGIN.top + inner * (1 - value / top)).toFixed(1)}`)
    return `<polyline fill="none" stroke="${colour(index)}" points="${at.join(' ')}"/>`
  })
  const peak = `<text x="${box.width - 10}" y="18" text-anchor="end" fill="#888">up to ${short(top)}</text>`
  return `${peak}${drawn.join('')}${legend(lines, box)}`
}

/** A row for each line, darker where its value is higher. */
function cells(lines: Line[], box: Box): string {
  const top = Math.max(...lines.flatMap(({ points }) => points.map(([, value]) => value)), 1e-9)
  const place = placeIn(lines, box)
  const high = (box.height - MARGIN.top - 6) / lines.length
  const rows = lines.map(({ name, points }, index) => {
    const y = MARGIN.top + index * high
    const marks = points
      .filter(([, value]) => value > 0)
      .map(
        ([at, value]) =>
          `<rect class="cell" x="${place(at)}" y="${y.toFixed(1)}" width="6" height="${(high * 0.9).toFixed(1)}" fill="#e0752d" fill-opacity="${(0.15 + (0.85 * value) / top).toFixed(2)}"/>`,
      )
    return `${marks.join('')}<text x="12" y="${(y + high * 0.75).toFixed(1)}" font-size="9">${escaped(name)}</text>`
  })
  return rows.join('')
}

/** Buckets hold all that are below, too; a cell is to show its own. */
function differences(lines: Line[]): Line[] {
  const sorted = lines.toSorted((a, b) => bound(b) - bound(a))
  return sorted.map(({ name, points }, index) => {
    const below = new Map(sorted[index + 1]?.points)
    return { name, points: points.map(([at, value]) => [at, value - (below.get(at) ?? 0)]) }
  })
}

const bound = ({ name }: Line): number => (name === '+Inf' ? Number.POSITIVE_INFINITY : Number(name))

function placeIn(lines: Line[], box: Box): (at: number) => string {
  const times = lines.flatMap(({ points }) => points.map(([at]) => at))
  const [from, to] = [Math.min(...times), Math.max(...times)]
  const inner = box.width - MARGIN.left - MARGIN.right - 6
  return (at) => (MARGIN.left + (inner * (at - from)) / Math.max(1, to - from)).toFixed(1)
}

/** As many names as there is room for. */
function legend(lines: Line[], box: Box): string {
  let room = box.width / 6
  const named = lines
    .map(({ name }, index) => ({ name, index }))
    .filter(({ name }) => {
      room -= name.length + 2
      return room > 0
    })
  const names = named.map(({ name, index }) => `<tspan fill="${colour(index)}">${escaped(name)}</tspan>`)
  return `<text x="10" y="${box.height - 8}">${names.join('  ')}</text>`
}

const colour = (index: number): string => COLOURS[index % COLOURS.length] as string

function short(value: number): string {
  return value >= 1000 ? value.toExponential(1) : String(Number(value.toPrecision(3)))
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
