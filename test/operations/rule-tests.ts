/** The alert rules and their unit tests, as far as our tests handle them. */

import { filesIn, yamlOf } from './repository.ts'

export interface Rule {
  record?: string
  alert?: string
  expr: string
  for?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
}

export interface Group {
  name: string
  rules: Rule[]
}

export interface Check {
  expr: string
  eval_time: string
  exp_samples?: { labels: string; value: number }[]
}

export interface Case {
  name: string
  interval: string
  input_series: { series: string; values: string }[]
  promql_expr_test: Check[]
}

export interface TestFile {
  rule_files: string[]
  evaluation_interval: string
  tests: Case[]
}

export const RULE_FILES = filesIn('prometheus/rules', '.yml')
export const TEST_FILES = filesIn('prometheus/tests', '_test.yml')

export const groupsOf = (file: string): Group[] => yamlOf<{ groups: Group[] }>(file).groups

export const RULES = RULE_FILES.flatMap(groupsOf).flatMap(({ rules }) => rules)

/** An alert may stand there twice, once for each severity. */
export const titleOf = ({ alert, record, labels }: Rule): string =>
  alert === undefined ? (record ?? '') : `${alert} (${labels?.severity})`

/** Whether a check is about this alert: with a severity in its query about that one alone. */
export function isAbout({ expr }: Check, { alert, labels }: Rule): boolean {
  if (!expr.includes(`ALERTS{alertname="${alert}"`)) return false
  const severity = /severity="(\w+)"/.exec(expr)?.[1]
  return severity === undefined || severity === labels?.severity
}
