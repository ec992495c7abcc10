import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { withTable } from '../../scripts/variables.ts'
import { VARIABLES, type Variable } from '../../src/config/table.ts'
import { run } from '../support/processes.ts'

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
const variables = Object.values(VARIABLES) as Variable<unknown>[]

describe('README', () => {
  it('has the table of variables that the code has (npm run variables -- --write)', () => {
    expect(withTable(readme)).toBe(readme)
  })

  it('shows only variables that the code has', () => {
    const known = new Set(variables.flatMap(({ name }) => [name, `${name}_FILE`]))
    const others = new Set(['NAME_FILE', 'SOAP_SECRETS_DIR'])
    const shown = readme.match(
      /\b(?:SOAP|LOOKUP|REDIS|RATE|MAX|CALL|RESULT|SHUTDOWN|METRICS|LOG|QUEUE|CONCURRENCY)[A-Z0-9_]*_[A-Z0-9_]+/g,
    )
    expect([...new Set(shown)].filter((name) => !known.has(name) && !others.has(name))).toEqual([])
  })

  it('names only commands that there are', async () => {
    const { stdout } = await run(['--help'])
    const commands = [...readme.matchAll(/dist\/main\.js ([a-z-]+)/g)].map(([, command]) => command)
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'))
  })

  it('names only npm scripts that there are', () => {
    const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    for (const [, script] of readme.matchAll(/npm run ([a-z:]+)/g)) expect(Object.keys(scripts)).toContain(script)
  })
})

describe('worker --help', () => {
  it('has a flag for each variable, with its default', async () => {
    const { stdout } = await run(['worker', '--help'])
    const text = stdout.replace(/\s+/g, ' ')
    for (const { name, fallback, secret } of variables) {
      const flag = `--${name.toLowerCase().replaceAll('_', '-')}${secret === 'whole' ? '-file <path>' : ' <value>'}`
      expect(text).toContain(flag)
      if (fallback !== undefined) expect(text).toContain(`${name}; default ${fallback})`)
    }
  })
})
