import { seconds } from '../../../domain/figures.ts'
import type { FleetStatus } from '../../../fleet/status.ts'
import { deadOf } from '../state/how.ts'
import { T } from '../texts.ts'
import { type Figure, Figures } from './figures.tsx'

const OLD_MS = 30_000
/** By then their consumer is behind, or not there. */
const MANY_RESULTS = 1_000

export function NowFigures({ status }: { status: FleetStatus | null }) {
  return <Figures of={figuresOf(status)} />
}

function figuresOf(status: FleetStatus | null): Figure[] {
  const [lookups, interactive, results] = status?.queues ?? []
  const of = (read: (value: FleetStatus) => number | string) => {
    if (!status) return '–'
    const value = read(status)
    return typeof value === 'number' ? T.figure(value) : value
  }
  const oldest = Math.max(lookups?.oldestAgeMs ?? 0, interactive?.oldestAgeMs ?? 0)
  const dead = status ? deadOf(status) : 0
  const untaken = (results?.jobs.waiting ?? 0) + (results?.jobs.prioritized ?? 0)
  return [
    { ...T.figures.backlog, value: of(({ backlog }) => backlog) },
    { ...T.figures.perSecond, value: of(({ perSecond }) => perSecond) },
    { ...T.figures.limit, value: of(limitOf) },
    {
      ...T.figures.oldest,
      value: of(() => (oldest > 0 ? seconds(oldest) : T.none)),
      state: oldest > OLD_MS ? 'warn' : 'good',
    },
    { ...T.figures.workers, value: status?.members ? T.figure(status.members.length) : '–' },
    { ...T.figures.dead, value: of(() => dead), state: dead > 0 ? 'bad' : 'good' },
    { ...T.figures.results, value: of(() => untaken), state: untaken > MANY_RESULTS ? 'warn' : 'good' },
  ]
}

/** In force, with what was set by hand and the part of the pace. */
export function limitOf(status: FleetStatus): string {
  const isKnown = status.serviceProblem === null && status.limits.rate.values.length > 0
  if (!isKnown) return '–'
  const rate = rateOf(status)
  return rate === null ? T.none : T.figure(rate)
}

export function rateOf(status: FleetStatus): number | null {
  if (status.serviceProblem !== null) return null
  const rates = status.limits.rate.values.filter((rate) => rate !== null)
  return rates.length === 0 ? null : Math.min(...rates) * (status.pace?.share ?? 1)
}
