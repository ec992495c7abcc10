// Set-up for `npm run demo` and `npm test` on a machine that has nothing but Node and npm. Uses nothing that is not there
// before `npm ci` has run. Says what it does; does nothing when all is in place.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const say = (text) => process.stderr.write(`set-up: ${text}\n`)

function fail(text) {
  process.stderr.write(`set-up: ${text}\n`)
  process.exit(1)
}

/** npm leaves what it installed in node_modules/.package-lock.json; each entry must be what the lock file says. */
function packagesAreThere() {
  const installedFile = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(installedFile)) return false
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || optional || installed[path]?.version === version,
  )
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
  return error ? 127 : (status ?? 1)
}

function onPath(...names) {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return names.some((name) => folders.some((folder) => folder !== '' && existsSync(join(folder, name))))
}

function isDebianRoot() {
  if (process.getuid?.() !== 0 || !onPath('apt-get') || !existsSync('/etc/os-release')) return false
  return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'))
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`expected Node 20.19 or newer, got ${process.versions.node}: install a newer one from nodejs.org`)
  }
}

function ensurePackages() {
  if (packagesAreThere()) return
  say('installing the packages of package-lock.json (npm ci) …')
  if (run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']) !== 0) {
    fail('npm ci failed; what it printed above says why. Is the npm registry reachable?')
  }
}

function ensureRedis() {
  if (process.env.REDIS_URL || onPath('redis-server', 'valkey-server')) return
  if (isDebianRoot()) {
    say('no redis-server found; installing it with apt-get (Debian package redis-server) …')
    const install = ['install', '-y', '--no-install-recommends', 'redis-server']
    if (run('apt-get', install) !== 0) {
      run('apt-get', ['update'])
      run('apt-get', install)
    }
    if (onPath('redis-server')) return
  }
  fail(
    [
      'expected a Redis, got none: REDIS_URL is not set, and neither redis-server nor valkey-server is on PATH. One of:',
      '  Debian, Ubuntu:  sudo apt-get install redis-server',
      '  macOS:           brew install redis',
      '  Docker:          docker run -d -p 6379:6379 redis:7 --maxmemory-policy noeviction',
      '                   and then REDIS_URL=redis://127.0.0.1:6379 npm run demo',
    ].join('\n'),
  )
}

/** The API serves the console as it was bundled last; from source it is bundled when any of what it is made of is newer. */
async function ensureConsole() {
  if (!existsSync(join(root, 'src', 'http', 'console'))) return
  const page = join(root, 'dist', 'console', 'index.html')
  const bundledAt = existsSync(page) ? statSync(page).mtimeMs : 0
  const sources = ['src/http/console', 'src/fleet', 'src/domain'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(root, folder, name)),
  )
  if (sources.every((file) => statSync(file).mtimeMs < bundledAt)) return
  const { buildConsole } = await import('./console.mjs')
  await buildConsole()
}

checkNode()
ensurePackages()
ensureRedis()
await ensureConsole()
