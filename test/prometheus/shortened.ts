/** The rules with a minute made a second, so that a test sees alerts come and go. */

import type { Group, Rule } from '../operations/rule-tests.ts'

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 }
const BY = 60
/** A rate needs some scrapes. */
const SHORTEST_RANGE_S = 5
/** Nobody waits longer for an alert, however long its `for`. */
const LONGEST_WAIT_S = 4
/** What is compared with the past is so for longer than that wait. */
const LONGEST_OFFSET_S = 12
/** Of the two objectives' windows, days among them: an alert that looks back for longer would not be over in this run. */
const LONGEST_WINDOW_S = 10

const secondsOf = (duration: string): number => {
  const [, number = '0', unit = 's'] = /^(\d+)([smhd])$/.exec(duration) ?? []
  return Number(number) * (SECONDS[unit] ?? 1)
}

const rangeOf = (range: string, longest: number) =>
  `[${Math.min(longest, Math.max(SHORTEST_RANGE_S, secondsOf(range) / BY))}s]`

export function shortenedQuery(expr: string, longestRange = Number.POSITIVE_INFINITY): string {
  return expr
    .replaceAll(/\[(\d+[smhd])\]/g, (_, range: string) => rangeOf(range, longestRange))
    .replaceAll(
      /offset (\d+[smhd])/g,
      (_, by: string) => `offset ${Math.min(LONGEST_OFFSET_S, Math.ceil(secondsOf(by) / BY))}s`,
    )
    .replaceAll(/(age_seconds\{[^}]*\}\)) > (\d+)/g, (_, age: string, than: string) => `${age} > ${Number(than) / BY}`)
    .replaceAll('le=~"30(\\\\.0)?"', 'le=~"0.5"')
}

function shortenedRule({ for: wait, ...rule }: Rule): Rule {
  const expr = shortenedQuery(rule.expr, rule.record ? LONGEST_WINDOW_S : undefined)
  if (wait === undefined) return { ...rule, expr }
  return { ...rule, expr, for: `${Math.min(LONGEST_WAIT_S, Math.ceil(secondsOf(wait) / BY))}s` }
}

export function shortened(groups: Group[]): Group[] {
  return groups.map((group) => ({ ...group, rules: group.rules.map(shortenedRule) }))
}
