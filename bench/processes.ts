/** The processes of a benchmark, and what the operating system says that they used. Linux: it reads /proc. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Ticks of /proc: 100 a second on every Linux that Node runs on. */
const TICK_US = 10_000

export interface Started {
  pid: number
  /** The first line that it printed. */
  line: string
  /** SIGKILL, if no other signal is given. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export const path = (file: string) => fileURLToPath(new URL(file, import.meta.url))

/** Resolves when the process has printed a line that `isUp` accepts. */
export async function start(args: string[], env: NodeJS.ProcessEnv, isUp = /./): Promise<Started> {
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  const line = await new Promise<string>((resolve, reject) => {
    let text = ''
    const read = (data: Buffer) => {
      text = (text + data).slice(-10_000)
      const up = text.split('\n').find((one) => isUp.test(one))
      if (up) resolve(up)
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.once('exit', (code) => reject(new Error(`${args.join(' ')} ended with ${code}: ${text}`)))
  })
  const stop = async (signal: NodeJS.Signals = 'SIGKILL') => {
    if (!running.delete(child) || child.exitCode !== null) return // it has ended, or been ended
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
  return { pid: child.pid ?? 0, line, stop }
}

/** Runs to its end. */
export async function runToEnd(args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const all = { PATH: process.env.PATH, HOME: process.env.HOME, ...env }
  const child = spawn(process.execPath, args, { env: all, stdio: ['ignore', 'ignore', 'ignore'] })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}`)
}

/** User and system time of all its threads so far, µs. */
export function cpuUs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_US
}

/** Memory that it has in use now, and the most that it ever had, MB. */
export function residentMb(pid: number): { now: number; most: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const of = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) / 1024
  return { now: of('VmRSS'), most: of('VmHWM') }
}
