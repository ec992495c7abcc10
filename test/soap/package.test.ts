import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startStandIn } from '../../src/stand-in/stand-in.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const modules = join(root, 'node_modules')
let folder: string

/** A program's folder with the packed package in it; what that needs comes from here, so no network is asked. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'chat-enricher-package-'))
  const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], {
    cwd: root,
    encoding: 'utf8',
  }).trim()
  const installed = join(folder, 'node_modules', 'chat-enricher')
  mkdirSync(installed, { recursive: true })
  execFileSync('tar', ['xzf', join(folder, packed), '-C', installed, '--strip-components=1'])
  for (const name of ['undici', 'fast-xml-parser', 'zod', '@types', 'undici-types']) {
    if (existsSync(join(modules, name))) symlinkSync(join(modules, name), join(folder, 'node_modules', name))
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
})
afterAll(() => rmSync(folder, { recursive: true }))

/** The program that the docs show. */
function program(): string {
  return /```js\n([\s\S]*?)```/.exec(readFileSync(join(root, 'docs/soap-client.md'), 'utf8'))?.[1] ?? ''
}

function runIt(file: string, env: Record<string, string>): Promise<string> {
  const options = { cwd: folder, env: { PATH: process.env.PATH, ...env } }
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [file], options, (error, stdout, stderr) =>
      error ? reject(new Error(stderr)) : resolve(stdout + stderr),
    )
  })
}

describe('the packed package', () => {
  it('runs the program that the docs show, which ends by itself', async () => {
    const standIn = await startStandIn()
    try {
      writeFileSync(join(folder, 'program.js'), program())
      expect(await runIt('program.js', { SOAP_ENDPOINT: standIn.url })).toMatch(/^enriched \S+ 0\n$/)
    } finally {
      await standIn.close()
    }
  })

  it('says why a call failed, in words of ours', async () => {
    writeFileSync(join(folder, 'program.js'), program())
    expect(await runIt('program.js', { SOAP_ENDPOINT: 'http://127.0.0.1:1/' })).toBe('transient network\n')
  })

  it('has types that the program fits, and others do not', () => {
    const check = (text: string) => {
      writeFileSync(join(folder, 'program.ts'), text)
      const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node']
      try {
        execFileSync(process.execPath, [join(modules, 'typescript/bin/tsc'), ...options, 'program.ts'], { cwd: folder })
        return ''
      } catch (error) {
        return String((error as { stdout: Buffer }).stdout)
      }
    }
    expect(check(program())).toBe('')
    expect(check(program().replace("lookup('12345'", 'lookup(12345'))).toContain('TS2345')
    expect(check(program().replace('chatRequest?.userName', 'chatRequest.userName'))).toContain('TS18047')
  })

  it('carries the licence of every package that is bundled into the program', () => {
    const licences = readFileSync(
      join(folder, 'node_modules', 'chat-enricher', 'dist', 'THIRD-PARTY-LICENSES.txt'),
      'utf8',
    )
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    for (const [name, version] of Object.entries(dependencies)) expect(licences).toContain(`\n${name} ${version} (`)
    expect(licences.match(/copyright/gi)?.length).toBeGreaterThan(Object.keys(dependencies).length)
  })

  it('changes nothing when it is imported', async () => {
    const text = `const state = () => JSON.stringify([
  Object.keys(globalThis), process.env, process.cwd(),
  ['uncaughtException', 'unhandledRejection', 'SIGTERM', 'SIGINT', 'warning'].map((name) => process.listenerCount(name)),
])
const before = state()
await import('chat-enricher/soap')
console.log(state() === before)
`
    writeFileSync(join(folder, 'import.js'), text)
    expect(await runIt('import.js', {})).toBe('true\n')
  })
})
