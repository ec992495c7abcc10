/**
 * Servers other than the one on PATH, from Debian's archive: unpacked into a folder of their own, never installed. What is
 * made for a newer Debian is started by that Debian's own loader, with its own libraries.
 */

import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/redis-servers', import.meta.url))
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
const LIBRARIES = ['libc6', 'libatomic1', 'libcap2', 'libgcc-s1', 'libjemalloc2', 'liblzf1', 'libssl3t64', 'libstdc++6']
const NEWER = [...LIBRARIES, 'libsystemd0', 'libzstd1', 'zlib1g']

interface Server {
  /** Of Debian. */
  suite: string
  /** The first one has the program, which is the server as well, under another name. */
  packages: string[]
  program: string
}

export const SERVERS: Record<string, Server> = {
  'valkey-8.0': { suite: 'bookworm-backports', packages: ['valkey-tools'], program: 'valkey-check-rdb' },
  'valkey-9': { suite: 'sid', packages: ['valkey-tools', ...NEWER], program: 'valkey-check-rdb' },
  'redis-8.0': { suite: 'trixie', packages: ['redis-tools', ...NEWER], program: 'redis-check-rdb' },
  'redict-7.3': {
    suite: 'bookworm-backports',
    packages: ['redict-tools', 'libhiredict1.3.1'],
    program: 'redict-check-rdb',
  },
}

/** The folder with its `redis-server`, to be put before PATH; null where Debian's archive cannot be reached. */
export function serverFolder(name: string): string | null {
  const server = SERVERS[name]
  if (!server) throw new Error(`expected one of ${Object.keys(SERVERS).join(', ')}, got ${name}`)
  const folder = join(CACHE, name)
  if (!existsSync(join(folder, 'bin', 'redis-server'))) {
    rmSync(folder, { recursive: true, force: true })
    if (!unpack(folder, server)) return null
    writeStarter(folder, server)
  }
  return join(folder, 'bin')
}

function unpack(folder: string, { suite, packages }: Server): boolean {
  const apt = aptIn(folder, suite)
  if (!run('apt-get', ['update', '-qq'], apt)) return false
  if (!run('apt-get', ['download', '-qq', ...packages.map((name) => `${name}/${suite}`)], apt)) return false
  const archives = readdirSync(folder).filter((file) => file.endsWith('.deb'))
  return archives.every((file) => run('dpkg-deb', ['-x', join(folder, file), join(folder, 'root')], apt))
}

interface Place {
  cwd: string
  env: NodeJS.ProcessEnv
}

/** An apt of its own: it knows this one suite, and nothing of what is installed. */
function aptIn(folder: string, suite: string): Place {
  for (const one of ['state/lists/partial', 'cache/archives/partial', 'none', 'root', 'bin']) {
    mkdirSync(join(folder, one), { recursive: true })
  }
  const sources = join(folder, 'sources.list')
  writeFileSync(sources, `deb [signed-by=${KEYRING}] http://deb.debian.org/debian ${suite} main\n`)
  writeFileSync(join(folder, 'status'), '')
  const settings = {
    'Dir::State': join(folder, 'state'),
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': join(folder, 'cache'),
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': join(folder, 'none'),
    'Dir::Etc::preferencesparts': join(folder, 'none'),
    'APT::Architecture': 'amd64',
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";`)
  writeFileSync(join(folder, 'apt.conf'), lines.join('\n'))
  return { cwd: folder, env: { ...process.env, APT_CONFIG: join(folder, 'apt.conf') } }
}

function run(command: string, args: string[], { cwd, env }: Place): boolean {
  return spawnSync(command, args, { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0
}

/** It is its name that makes the program a server. */
function writeStarter(folder: string, { packages, program }: Server): void {
  const root = join(folder, 'root')
  const binary = join(root, program.replace('check-rdb', 'server'))
  cpSync(join(root, 'usr/bin', program), binary)
  const libraries = join(root, 'usr/lib/x86_64-linux-gnu')
  const loader = `${join(libraries, 'ld-linux-x86-64.so.2')} --library-path ${libraries}`
  const start = packages.includes('libc6') ? `exec ${loader} ${binary}` : `LD_LIBRARY_PATH=${libraries} exec ${binary}`
  const starter = join(folder, 'bin', 'redis-server')
  writeFileSync(starter, `#!/bin/sh\n${start} "$@"\n`)
  chmodSync(starter, 0o755)
}
