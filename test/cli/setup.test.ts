import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { endAll, watch } from './started.ts'

const SCRIPT = fileURLToPath(new URL('../../scripts/setup.mjs', import.meta.url))
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

let folder = ''
let bin = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chat-enricher-setup-'))
  bin = join(folder, 'bin')
  mkdirSync(bin)
})
afterEach(async () => {
  await endAll()
  rmSync(folder, { recursive: true })
})

/** A program on the PATH of the script that says that it was called. */
function program(name: string, script: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
}

async function setUp(script = SCRIPT, env: Record<string, string> = {}) {
  const run = watch(process.execPath, [script], { PATH: bin, ...env })
  const { code } = await run.ended
  return { code, stdout: run.stdout(), stderr: run.stderr() }
}

/** A checkout with a lock file, and with the packages that are installed. */
function checkout(installed: Record<string, object> | null): string {
  mkdirSync(join(folder, 'scripts'))
  writeFileSync(join(folder, 'scripts', 'setup.mjs'), readFileSync(SCRIPT))
  const wanted = {
    '': {},
    'node_modules/a': { version: '1.0.0' },
    'node_modules/b': { version: '1.0.0', optional: true },
  }
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ packages: wanted }))
  if (installed) {
    mkdirSync(join(folder, 'node_modules'))
    writeFileSync(join(folder, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: installed }))
  }
  return join(folder, 'scripts', 'setup.mjs')
}

describe('set-up', () => {
  it('does nothing and says nothing where all is there', async () => {
    program('redis-server', '')
    expect(await setUp()).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  it('takes valkey-server, or a Redis in REDIS_URL, instead', async () => {
    expect(await setUp(SCRIPT, { REDIS_URL: 'redis://elsewhere' })).toEqual({ code: 0, stdout: '', stderr: '' })
    program('valkey-server', '')
    expect(await setUp()).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  it('without Redis, and without a way to install it, says the three ways in one message, exit 1', async () => {
    symlinkSync('/bin/sh', join(bin, 'sh'))
    const { code, stdout, stderr } = await setUp()
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr.match(/^set-up: /gm)).toHaveLength(1)
    expect(stderr).toContain('expected a Redis, got none')
    for (const way of ['apt-get install redis-server', 'brew install redis', 'docker run'])
      expect(stderr).toContain(way)
  })

  it.each([
    ['no packages', null],
    ['a package of another version', { 'node_modules/a': { version: '0.9.0' } }],
    ['a package missing', {}],
  ])('with %s installs them', async (_, installed) => {
    program('redis-server', '')
    program('npm', 'echo "npm $*"')
    const { code, stderr } = await setUp(checkout(installed))
    expect(code).toBe(0)
    expect(stderr).toContain('npm ci --ignore-scripts')
  })

  it('with the packages there, but not an optional one, does nothing', async () => {
    program('redis-server', '')
    program('npm', 'echo "npm $*"')
    expect(await setUp(checkout({ 'node_modules/a': { version: '1.0.0' } }))).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    })
  })

  it('that cannot install the packages says so, exit 1', async () => {
    program('redis-server', '')
    program('npm', 'echo "no network" >&2; exit 7')
    const { code, stderr } = await setUp(checkout(null))
    expect(code).toBe(1)
    expect(stderr).toContain('no network')
    expect(stderr).toContain('npm ci failed; what it printed above says why')
  })

  it('comes before the demo and before the tests', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    for (const script of ['demo', 'test']) expect(scripts[script]).toMatch(/^node scripts\/setup\.mjs && /)
  })
})
