/** The programs that README shows, and folders in which nothing is but what the first line of a program installs. */

import { execFile, execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Environment } from '../support/processes.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')

/** The block of code in this language that has this text. */
export function program(language: string, having = ''): string {
  const blocks = [...README.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
  const found = blocks.filter(([, name, text = '']) => name === language && text.includes(having))
  if (found.length !== 1) {
    throw new Error(`README: expected one block of ${language} with ${having}, got ${found.length}`)
  }
  return found[0]?.[2] ?? ''
}

/** The text of a file in examples/. */
export function example(path: string): string {
  return readFileSync(join(ROOT, 'examples', path), 'utf8')
}

/** Debian's Python: its packages, and none of pip's. */
export const PYTHON = '/usr/bin/python3'

/** Runs a program in the folder to its end, and resolves to what it printed; rejects, with that, unless it ends well. */
export function runIn(folder: Folder, command: string, args: string[], env: object = {}): Promise<string> {
  const options = { cwd: folder.path, env: { PATH: process.env.PATH, ...env }, timeout: 30_000 }
  return new Promise((resolve, reject) => {
    execFile(command, args, options, (error, stdout, stderr) =>
      error ? reject(new Error(`${error.message}: ${stdout}${stderr}`)) : resolve(stdout),
    )
  })
}

/** What npm would install for the program, taken from our node_modules, so that no network is asked. */
export function packagesOf(text: string): string[] {
  const [, names] = /npm install (.+)/.exec(text.split('\n')[0] ?? '') ?? []
  if (names === undefined) throw new Error('expected npm install on the first line of the program, got something else')
  return names.split(' ')
}

export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'chat-enricher-readme-'))

  write(name: string, text: string): string {
    writeFileSync(join(this.path, name), text)
    return name
  }

  /** The packages and what they depend on: copies, because a link would lead Node back to all that we have. */
  install(names: readonly string[]): this {
    for (const name of names) {
      const [from, to] = [join(ROOT, 'node_modules', name), join(this.path, 'node_modules', name)]
      if (existsSync(to)) continue
      cpSync(from, to, { recursive: true })
      const { dependencies = {} } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'))
      this.install(Object.keys(dependencies))
    }
    return this
  }

  /** A PATH on which `chat-enricher` is, as `npm link` has it. */
  pathWithCommand(): Environment {
    const bin = join(this.path, 'bin')
    mkdirSync(bin)
    const script = `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, 'dist/main.js')}' "$@"\n`
    writeFileSync(join(bin, 'chat-enricher'), script, { mode: 0o755 })
    return { PATH: `${bin}${delimiter}${process.env.PATH}` }
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** Whether this machine has what a program needs. CI installs it all, so there nothing may be missing. */
export function has(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    if (process.env.CI) throw new Error(`CI: expected ${command} ${args.join(' ')} to work, got an error (see .ci/run)`)
    return false
  }
}
