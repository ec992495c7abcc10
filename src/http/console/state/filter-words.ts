/** Filters as people read them: "State: dead, Failure: contract". */

import { T } from '../texts.ts'

export function filterWords(filters: Readonly<Record<string, unknown>>): string {
  const labels: Readonly<Record<string, string>> = T.find.fields
  return Object.entries(filters)
    .map(
      ([name, value]) =>
        `${labels[name] ?? name}: ${name.endsWith('Ms') ? T.find.minutes(Number(value) / 60_000) : value}`,
    )
    .join(', ')
}
