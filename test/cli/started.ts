/** A command that is watched while it runs. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Environment } from '../support/processes.ts'
import { until } from '../support/world.ts'

export const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

export interface Started {
  child: ChildProcess
  pid: number
  stdout(): string
  stderr(): string
  /** Waits for this on stdout or stderr. */
  says(pattern: RegExp, withinMs?: number): Promise<RegExpExecArray>
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

const running = new Set<ChildProcess>()

/** Starts a command of the build; its stdin stays open. `node` are arguments of node itself. */
export function start(args: string[], env: Environment = {}, node: string[] = []): Started {
  return watch(process.execPath, [...node, MAIN, ...args], env)
}

/** Starts any program, e.g. a shell with a pipeline. */
export function watch(program: string, args: string[], env: Environment = {}): Started {
  const child = spawn(program, args, { env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env }, stdio: 'pipe' })
  running.add(child)
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data) => {
    stdout += data
  })
  child.stderr.on('data', (data) => {
    stderr += data
  })
  child.stdin.on('error', () => {})
  const ended = once(child, 'close').then(([code, signal]) => {
    running.delete(child)
    return { code, signal }
  })
  return {
    child,
    pid: child.pid ?? 0,
    stdout: () => stdout,
    stderr: () => stderr,
    says: async (pattern, withinMs) => {
      const found = () => pattern.exec(stdout) ?? pattern.exec(stderr)
      await until(`it says ${pattern}; it says ${stdout}${stderr}`, () => found() !== null, withinMs)
      return found() as RegExpExecArray
    },
    ended,
  }
}

/** Ends whatever a failed test has left; for `afterEach`. */
export async function endAll(): Promise<void> {
  await Promise.all(
    [...running].map(async (child) => {
      const closed = once(child, 'close')
      child.kill('SIGKILL')
      child.stdin?.destroy()
      await closed
    }),
  )
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** The objects of NDJSON. */
export function parseLines<T = Record<string, unknown>>(text: string): T[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T)
}
