import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { hasPromtool } from '../operations/promtool.ts'
import { yamlOf } from '../operations/repository.ts'
import { type Group, isAbout, RULES, type Rule, TEST_FILES, type TestFile } from '../operations/rule-tests.ts'
import { type Mutation, mutationsOf } from './mutations.ts'

const directory = mkdtempSync(join(tmpdir(), 'alert-mutations-'))
afterAll(() => rmSync(directory, { recursive: true }))

interface Mutant extends Mutation {
  alert: string
  file: string
}

let count = 0

/** One alert, changed, and what it needs that others record. */
function withOnly(rule: Rule, expr: string): Group[] {
  const needed = RULES.filter(({ record }) => record !== undefined && rule.expr.includes(record))
  return [{ name: 'one', rules: [...needed, { ...rule, expr }] }]
}

/** Writes the changed rules, and the tests of this alert for them. */
function write(rule: Rule, mutation: Mutation): Mutant[] {
  const rules = join(directory, `rules-${count}.yml`)
  writeFileSync(rules, stringify({ groups: withOnly(rule, mutation.expr) }))
  return TEST_FILES.flatMap((path) => {
    const whole = yamlOf<TestFile>(path)
    const tests = whole.tests
      .map((one) => ({ ...one, promql_expr_test: one.promql_expr_test.filter((check) => isAbout(check, rule)) }))
      .filter((one) => one.promql_expr_test.length > 0)
    if (tests.length === 0) return []
    const file = join(directory, `mutant-${count++}.yml`)
    writeFileSync(file, stringify({ ...whole, rule_files: [rules], tests }))
    return [{ ...mutation, alert: rule.alert ?? '', file }]
  })
}

/** Also each alert as it is: its tests must pass, or that others fail would mean nothing. */
function mutants(): { changed: Mutant[]; unchanged: Mutant[] } {
  const alerts = RULES.filter(({ alert }) => alert !== undefined)
  return {
    changed: alerts.flatMap((rule) => mutationsOf(rule.expr).flatMap((mutation) => write(rule, mutation))),
    unchanged: alerts.flatMap((rule) => write(rule, { what: 'nothing', expr: rule.expr })),
  }
}

/** The files whose tests pass. */
function passing(files: string[]): Promise<Set<string>> {
  return new Promise((resolve) => {
    execFile('promtool', ['test', 'rules', ...files], { maxBuffer: 2 ** 26 }, (_, stdout) => {
      const told = stdout.split('Unit Testing:').map((text) => text.trim().split('\n'))
      resolve(new Set(told.filter((lines) => lines[1]?.trim() === 'SUCCESS').map(([file]) => file ?? '')))
    })
  })
}

test('what an expression may be changed into', () => {
  const expr = 'sum(rate(a_total{x="9"}[5m])) > 0.5 and b == 0'
  expect(mutationsOf(expr).map(({ what }) => what)).toEqual([
    'a_total at 9 to a_total_gone',
    '> at 30 to <',
    '0.5 at 32 to 5',
    'b at 40 to b_gone',
    '== at 42 to !=',
  ])
})

test.skipIf(!hasPromtool)(
  'an alert that is wrong in one place does not pass its unit tests',
  async () => {
    const { changed, unchanged } = mutants()
    expect(changed.length).toBeGreaterThan(100)
    const all = [...changed, ...unchanged]
    // Long ones stand together, so that two runs take turns.
    const halves = [0, 1].map((odd) => all.filter((_, index) => index % 2 === odd).map(({ file }) => file))
    const passed = new Set((await Promise.all(halves.map(passing))).flatMap((one) => [...one]))
    const told = (mutants: Mutant[]) => mutants.map(({ alert, what }) => `${alert}: ${what}`)
    // An alert with tests in two files is noticed if one of them fails.
    const noticed = new Set(told(changed.filter(({ file }) => !passed.has(file))))
    expect(told(changed).filter((mutation) => !noticed.has(mutation))).toEqual([])
    expect(told(unchanged.filter(({ file }) => !passed.has(file)))).toEqual([])
  },
  120_000,
)
