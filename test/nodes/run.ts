/** `npm run test:nodes`: the tests on the other releases of Node that package.json allows. */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runOnEach } from '../support/on-each.ts'

const NODES = ['22', '24']
const HELP = `npm run test:nodes -- [options] [release …]

Takes Node from the npm registry into node_modules/.cache, without installing it, and runs npm test on it.
  ${NODES.join(', ')}, or another one, as 20.19.0; these two where none is named
  --short   what leans on Node most: the SOAP client with TLS, what goes to Redis, a lookup from end to end, a shutdown`

const SHORT = ['src/soap', 'src/redis', 'test/pipeline/lookup.test.ts', 'test/pipeline/shutdown.test.ts']
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/nodes', import.meta.url))

function nodeFolder(release: string): string {
  const name = `node-${process.platform}-${process.arch}`
  const into = join(CACHE, release)
  const folder = join(into, 'node_modules', name, 'bin')
  if (existsSync(folder)) return folder
  const args = ['install', '--silent', '--no-save', '--ignore-scripts', '--prefix', into, `${name}@${release}`]
  if (spawnSync('npm', args, { stdio: 'inherit' }).status === 0 && existsSync(folder)) return folder
  throw new Error(`expected Node ${release} as ${name} in the npm registry, got none`)
}

runOnEach({
  help: HELP,
  of: 'Node',
  all: NODES,
  folderOf: nodeFolder,
  program: 'node',
  files: { all: [], short: SHORT },
})
