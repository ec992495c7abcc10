import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { hasPromtool } from '../operations/promtool.ts'
import { yamlOf } from '../operations/repository.ts'
import { type Check, isAbout, RULES, type Rule, TEST_FILES, type TestFile, titleOf } from '../operations/rule-tests.ts'
import { type Mutation, mutationsOf } from './mutations.ts'

const directory = mkdtempSync(join(tmpdir(), 'alert-mutations-'))
afterAll(() => rmSync(directory, { recursive: true }))

/** An alert with all that it is changed into; the first is the alert as it is, whose tests must pass. */
interface Subject {
  rule: Rule
  variants: Mutation[]
  files: string[]
}

/** Each variant is an alert of its own in one file, so that what they look at is made once for all of them. */
const nameOf = ({ alert }: Rule, variant: number) => `${alert}_v${variant}`

function subjectOf(rule: Rule, index: number): Subject {
  const variants = [{ what: 'nothing', expr: rule.expr }, ...mutationsOf(rule.expr)]
  const recorded = RULES.filter(({ record }) => record !== undefined && rule.expr.includes(record))
  const alerts = variants.map(({ expr }, variant) => ({ ...rule, alert: nameOf(rule, variant), expr }))
  const rules = join(directory, `rules-${index}.yml`)
  writeFileSync(rules, stringify({ groups: [{ name: 'one', rules: [...recorded, ...alerts] }] }))
  const files = TEST_FILES.flatMap((path, of) => {
    const tests = testsOf(path, rule, variants.length)
    if (tests.length === 0) return []
    const file = join(directory, `test-${index}-${of}.yml`)
    writeFileSync(file, stringify({ ...yamlOf<TestFile>(path), rule_files: [rules], tests }))
    return [file]
  })
  return { rule, variants, files }
}

/** The tests of the file that are about this alert, each of their checks for each variant. */
function testsOf(path: string, rule: Rule, variants: number): TestFile['tests'] {
  return yamlOf<TestFile>(path)
    .tests.map((one) => ({ ...one, promql_expr_test: one.promql_expr_test.filter((check) => isAbout(check, rule)) }))
    .filter((one) => one.promql_expr_test.length > 0)
    .map((one) => ({
      ...one,
      promql_expr_test: one.promql_expr_test.flatMap((check) =>
        Array.from({ length: variants }, (_, variant) => checkFor(check, rule, variant)),
      ),
    }))
}

function checkFor({ exp_samples: samples, ...check }: Check, rule: Rule, variant: number): Check {
  const renamed = (text: string) => text.replace(`"${rule.alert}"`, `"${nameOf(rule, variant)}"`)
  const expr = renamed(check.expr)
  if (samples === undefined) return { ...check, expr }
  return { ...check, expr, exp_samples: samples.map((one) => ({ ...one, labels: renamed(one.labels) })) }
}

/** What promtool says of the tests that fail; empty if none does. */
function failuresOf(files: string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile('promtool', ['test', 'rules', ...files], { maxBuffer: 2 ** 28 }, (_, stdout, stderr) => {
      resolve(stdout + stderr)
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

test.skipIf(!hasPromtool)('an alert that is wrong in one place does not pass its unit tests', async () => {
  const subjects = RULES.filter(({ alert }) => alert !== undefined).map(subjectOf)
  expect(subjects.flatMap(({ variants }) => variants).length).toBeGreaterThan(200)
  const unnoticed: string[] = []
  const broken: string[] = []
  for (const { rule, variants, files } of subjects) {
    const said = await failuresOf(files)
    const failed = new Set(
      [...said.matchAll(/expr: "ALERTS\{alertname=\\"\w+_v(\d+)\\"/g)].map(([, variant]) => Number(variant)),
    )
    if (failed.has(0) || !said.includes('Unit Testing')) broken.push(`${titleOf(rule)}: ${said.slice(0, 500)}`)
    variants.forEach(({ what }, variant) => {
      if (variant > 0 && !failed.has(variant)) unnoticed.push(`${titleOf(rule)}: ${what}`)
    })
  }
  expect({ unnoticed, broken }).toEqual({ unnoticed: [], broken: [] })
})
