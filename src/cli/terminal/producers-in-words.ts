/** Who asks, for people. Nothing where no lookup says so. */

import type { FleetStatus } from '../../app/hall.ts'
import { number } from './terminal.ts'

const MOST_NAMED = 5

export function producersInWords({ waiting, calls }: FleetStatus['producers']): string[] {
  const lines: string[] = []
  if (waiting.by.some(({ producer }) => producer !== null)) {
    const isAll = waiting.sampled >= waiting.waiting
    const share = (lookups: number) => (isAll ? number.format(lookups) : `${percent(lookups, waiting.sampled)} %`)
    const of = isAll ? '' : ` (of a sample of ${number.format(waiting.sampled)})`
    lines.push(`who waits: ${listed(waiting.by.map(({ producer, lookups }) => [producer, share(lookups)]))}${of}`)
  }
  if (calls.length > 0) {
    const named = calls.map(({ producer, calls }): Named => [producer, number.format(calls)])
    lines.push(`calls of the last minute: ${listed(named)}`)
  }
  return lines
}

type Named = [producer: string | null, how: string]

function listed(all: readonly Named[]): string {
  const words = all.slice(0, MOST_NAMED).map(([producer, how]) => `${producer ?? 'nobody named'} ${how}`)
  const rest = all.length - MOST_NAMED
  return [...words, ...(rest > 0 ? [`${number.format(rest)} more`] : [])].join(', ')
}

function percent(part: number, of: number): number {
  return Math.round((100 * part) / of)
}
