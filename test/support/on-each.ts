/** A command that runs the tests on one thing after the other, each taken from elsewhere: servers, releases of Node. */

import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

export interface OnEach {
  help: string
  /** What one of them is, as `Node`. */
  of: string
  /** Those that are taken where none is named. */
  all: string[]
  /** The folder with its program, to be put before PATH; null where it cannot be had. */
  folderOf(name: string): string | null
  /** It says its version with `--version`. */
  program: string
  files: { all: string[]; short: string[] }
}

const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))

/** Ends the process. */
export function runOnEach(what: OnEach): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { short: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
  })
  if (values.help) {
    console.log(what.help)
    process.exit(0)
  }
  const names = positionals.length > 0 ? positionals : what.all
  const failed = names.filter((name) => !testsOn(what, name, what.files[values.short ? 'short' : 'all']))
  if (failed.length > 0) console.log(`failed on ${failed.join(', ')}`)
  process.exit(failed.length > 0 ? 1 : 0)
}

function testsOn({ of, folderOf, program }: OnEach, name: string, files: string[]): boolean {
  const folder = folderOf(name)
  if (folder === null) {
    console.log(`${of} ${name}: SKIPPED, because it could not be had`)
    return true
  }
  const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` }
  const said = spawnSync(join(folder, program), ['--version'], { env, encoding: 'utf8' })
  console.log(`${of} ${name}: ${said.stdout}${said.stderr}`.trim())
  return spawnSync('node', [VITEST, 'run', ...files], { env, stdio: 'inherit' }).status === 0
}
