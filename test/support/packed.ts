/** The package as npm would publish it, unpacked into the folder of a program; what it needs comes from here, so no network is asked. */

import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const MODULES = join(ROOT, 'node_modules')

export class Packed {
  readonly folder = mkdtempSync(join(tmpdir(), 'chat-enricher-package-'))
  readonly tarball: Uint8Array<ArrayBuffer>
  /** Where the package lies. */
  readonly installed = join(this.folder, 'node_modules', 'chat-enricher')

  /** `others` are packages that the program has beside it. */
  constructor(others: string[]) {
    const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', this.folder]
    const file = join(this.folder, execFileSync('npm', pack, { cwd: ROOT, encoding: 'utf8' }).trim())
    this.tarball = new Uint8Array(readFileSync(file))
    mkdirSync(this.installed, { recursive: true })
    execFileSync('tar', ['xzf', file, '-C', this.installed, '--strip-components=1'])
    for (const name of others) symlinkSync(join(MODULES, name), join(this.folder, 'node_modules', name))
    this.write('package.json', '{"type":"module"}')
  }

  write(name: string, text: string): string {
    writeFileSync(join(this.folder, name), text)
    return name
  }

  /** What a program prints; rejects with what it says on stderr if it does not end well. */
  run(name: string, text: string, env: Record<string, string> = {}): Promise<string> {
    this.write(name, text)
    const options = { cwd: this.folder, env: { PATH: process.env.PATH, ...env }, timeout: 60_000 }
    return new Promise((resolve, reject) => {
      execFile(process.execPath, [name], options, (error, stdout, stderr) =>
        error ? reject(new Error(stderr)) : resolve(stdout + stderr),
      )
    })
  }

  /** What tsc says of a program; '' if nothing. */
  typeCheck(text: string, ...flags: string[]): string {
    this.write('program.ts', text)
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node', ...flags]
    try {
      execFileSync(process.execPath, [join(MODULES, 'typescript/bin/tsc'), ...options, 'program.ts'], {
        cwd: this.folder,
      })
      return ''
    } catch (error) {
      return String((error as { stdout: Buffer }).stdout)
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true })
  }
}

/** A program that says whether an import changes its process. Every copy of zod keeps its settings in a global of zod's. */
export const unchangedBy = (specifier: string) => `const state = () => JSON.stringify([
  Object.keys(globalThis).filter((name) => !name.startsWith('__zod_')), process.env, process.cwd(),
  ['uncaughtException', 'unhandledRejection', 'SIGTERM', 'SIGINT', 'warning'].map((name) => process.listenerCount(name)),
])
const before = state()
await import('${specifier}')
console.log(state() === before)
`
