/** Prints the tables of variables in README (the usual ones) and docs/configuration.md (all); `--write` puts them there. */

import { readFileSync, writeFileSync } from 'node:fs'
import type { AllConfig } from '../src/config/config.ts'
import { VARIABLES, type Variable } from '../src/config/table.ts'
import { USUAL } from '../src/config/usual.ts'

/** Which table stands between which marks of which file. */
export const TABLES = {
  'README.md': { mark: 'usual variables', keys: USUAL },
  'docs/configuration.md': { mark: 'variables', keys: Object.keys(VARIABLES) as (keyof AllConfig)[] },
} as const

export type TableFile = keyof typeof TABLES

/** The text of the file with its table as the code has it. */
export function withTable(file: TableFile, text: string): string {
  const { mark, keys } = TABLES[file]
  const opening = `<!-- ${mark}: npm run variables -- --write -->`
  const start = text.indexOf(opening)
  const end = text.indexOf(`<!-- /${mark} -->`)
  if (start < 0 || end < start) throw new Error(`${file}: expected ${opening} and its end, got one or none of them`)
  return `${text.slice(0, start + opening.length)}\n${tableOf(keys)}\n${text.slice(end)}`
}

function tableOf(keys: readonly (keyof AllConfig)[]): string {
  return ['| variable | default | meaning |', '| --- | --- | --- |', ...keys.map((key) => row(VARIABLES[key]))].join(
    '\n',
  )
}

function row({ name, fallback, required, secret, meaning }: Variable<unknown>): string {
  const standard = fallback === undefined ? (required ? 'required' : '–') : `\`${fallback}\``
  return `| \`${name}\`${secret ? ' †' : ''} | ${standard} | ${meaning} |`
}

if (process.argv[1]?.endsWith('variables.ts')) {
  for (const file of Object.keys(TABLES) as TableFile[]) {
    const url = new URL(`../${file}`, import.meta.url)
    if (process.argv.includes('--write')) writeFileSync(url, withTable(file, readFileSync(url, 'utf8')))
    else console.log(`${file}\n\n${tableOf(TABLES[file].keys)}\n`)
  }
}
