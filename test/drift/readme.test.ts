import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { TABLES, type TableFile, withTable } from '../../scripts/variables.ts'
import { VARIABLES, type Variable } from '../../src/config/table.ts'
import { run } from '../support/in-process.ts'

const fileOf = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const docs = (readdirSync(new URL('../../docs', import.meta.url), { recursive: true }) as string[])
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`)
/** What users read. */
const PAGES = ['README.md', ...docs]
const pages = PAGES.map(fileOf).join('\n')
const variables = Object.values(VARIABLES) as Variable<unknown>[]

describe('README and docs', () => {
  it.each(Object.keys(TABLES) as TableFile[])(
    '%s has the table of variables that the code has (npm run variables -- --write)',
    (file) => expect(withTable(file, fileOf(file))).toBe(fileOf(file)),
  )

  it('have every variable in one table, and the fifteen that people set in the other', () => {
    expect(TABLES['docs/configuration.md'].keys).toEqual(Object.keys(VARIABLES))
    expect(new Set(TABLES['README.md'].keys).size).toBe(15)
  })

  it('show only variables that the code has', () => {
    const known = new Set(variables.flatMap(({ name }) => [name, `${name}_FILE`]))
    const others = new Set(['NAME_FILE', 'SOAP_SECRETS_DIR', 'REDIS_HOST', 'REDIS_PORT', 'LOOKUP_ID']) // of compose, of the PHP program, of a usage
    const shown = pages.match(
      /\b(?:SOAP|LOOKUP|REDIS|RATE|MAX|CALL|RESULT|SHUTDOWN|METRICS|LOG|QUEUE|CONCURRENCY)[A-Z0-9_]*_[A-Z0-9_]+/g,
    )
    expect([...new Set(shown)].filter((name) => !known.has(name) && !others.has(name))).toEqual([])
  })

  it('name only commands that there are', async () => {
    const { stdout } = await run(['--help'])
    const commands = [...pages.matchAll(/(?:`|^ *|popen\(')(?:chat-enricher|node dist\/main\.js) ([a-z][a-z-]*)/gm)]
    expect(commands.length).toBeGreaterThan(20)
    for (const [, command] of commands) expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'))
  })

  it('name only npm scripts that there are', () => {
    const { scripts } = JSON.parse(fileOf('package.json'))
    for (const [, script] of pages.matchAll(/npm run ([a-z:]+)/g)) expect(Object.keys(scripts)).toContain(script)
  })

  it('link only to files and headings that there are', () => {
    const anchor = (heading: string) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-')
    for (const page of PAGES) {
      for (const [, target = ''] of fileOf(page).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^https?:/.test(target)) continue
        const [path = '', heading] = target.split('#')
        const linked = path === '' ? page : new URL(path, `file:///${page}`).pathname.slice(1)
        const headings = [...fileOf(linked).matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => anchor(text))
        if (heading !== undefined) expect(headings, `${page}: ${target}`).toContain(heading)
      }
    }
  })

  it('name only files of src that there are', () => {
    const named = [...pages.matchAll(/`((?:[a-z-]+\/)+[a-z-]+\.ts)`/g)].map(([, file]) => file ?? '')
    expect(named.length).toBeGreaterThan(20)
    const root = fileURLToPath(new URL('../../', import.meta.url))
    expect(named.filter((file) => ![`src/${file}`, file].some((path) => existsSync(root + path)))).toEqual([])
  })

  it('take every figure of README from docs/reliability.md, with the command that prints it', () => {
    const table = /## What a day of glue code does not do\n(.*?)\n## /s.exec(fileOf('README.md'))?.[1] ?? ''
    const commands = [...table.matchAll(/\| `(npm run [^`]+)` \|$/gm)].map(([, command]) => command ?? '')
    expect(commands.length).toBeGreaterThan(5)
    for (const command of commands) expect(fileOf('docs/reliability.md')).toContain(`\`${command}\``)
  })
})

describe('worker --help all', () => {
  it('has a flag for each variable, with its default; api and webhook for those of their own', async () => {
    const helps = await Promise.all(['worker', 'api', 'webhook'].map((command) => run([command, '--help', 'all'])))
    const text = helps.map(({ stdout }) => stdout.replace(/\s+/g, ' ')).join(' ')
    for (const { name, fallback, secret } of variables) {
      const flag = `--${name.toLowerCase().replaceAll('_', '-')}${secret === 'whole' ? '-file <path>' : ' <value>'}`
      expect(text).toContain(flag)
      if (fallback !== undefined) expect(text).toContain(`${name}; default ${fallback})`)
    }
  })
})
