/** `npm run test:servers`: doctor and what leans on Redis most, on other servers than the one that is installed. */

import { spawnSync } from 'node:child_process'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { SERVERS, serverFolder } from './servers.ts'

const HELP = `npm run test:servers -- [options] [server …]

Takes servers from Debian's archive into node_modules/.cache, without installing them, and runs tests on each.
  ${Object.keys(SERVERS).join(', ')}; all of them where none is named
  --short   doctor alone: nothing on a good set-up, and each seeded mistake

Says SKIPPED where the archive cannot be reached.`

const SHORT = ['test/fleet/doctor.test.ts']
/** Scripts, queues, gate, rights, what Redis refuses, and a lookup from end to end. */
const ALL = [
  ...SHORT,
  'test/queues',
  'test/gate',
  'test/fleet/cluster.test.ts',
  'test/fleet/selected.test.ts',
  'test/fleet/ended-actions.test.ts',
  'test/operations/redis-rights.test.ts',
  'test/cli/redis-refusals.test.ts',
  'test/cli/forget.test.ts',
  'test/intake',
  'test/pipeline/lookup.test.ts',
]

function testsOn(name: string, files: string[]): boolean {
  const folder = serverFolder(name)
  if (folder === null) {
    console.log(`${name}: SKIPPED, because Debian's archive could not be reached`)
    return true
  }
  const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` }
  const said = spawnSync('redis-server', ['--version'], { env, encoding: 'utf8' })
  console.log(`${name}: ${said.stdout}${said.stderr}`.trim())
  const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
  return spawnSync(process.execPath, [vitest, 'run', ...files], { env, stdio: 'inherit' }).status === 0
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { short: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
})

if (values.help) {
  console.log(HELP)
} else {
  const names = positionals.length > 0 ? positionals : Object.keys(SERVERS)
  const failed = names.filter((name) => !testsOn(name, values.short ? SHORT : ALL))
  if (failed.length > 0) console.log(`failed on ${failed.join(', ')}`)
  process.exit(failed.length > 0 ? 1 : 0)
}
