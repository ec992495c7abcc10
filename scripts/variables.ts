/** Prints README's table of variables; `--write` puts it there. A test holds the two together. */

import { readFileSync, writeFileSync } from 'node:fs'
import { VARIABLES, type Variable } from '../src/config/table.ts'

const START = '<!-- variables: npm run variables -- --write -->'
const END = '<!-- /variables -->'

export function variablesTable(): string {
  const rows = (Object.values(VARIABLES) as Variable<unknown>[]).map(
    ({ name, fallback, required, secret, meaning }) => {
      const standard = fallback === undefined ? (required ? 'required' : '–') : `\`${fallback}\``
      return `| \`${name}\`${secret ? ' †' : ''} | ${standard} | ${meaning} |`
    },
  )
  return ['| variable | default | meaning |', '| --- | --- | --- |', ...rows].join('\n')
}

export function withTable(readme: string): string {
  const start = readme.indexOf(START)
  const end = readme.indexOf(END)
  if (start < 0 || end < start) throw new Error(`README.md: expected ${START} and ${END}, got one or none of them`)
  return `${readme.slice(0, start + START.length)}\n${variablesTable()}\n${readme.slice(end)}`
}

if (process.argv[1]?.endsWith('variables.ts')) {
  const file = new URL('../README.md', import.meta.url)
  if (process.argv.includes('--write')) writeFileSync(file, withTable(readFileSync(file, 'utf8')))
  else console.log(variablesTable())
}
