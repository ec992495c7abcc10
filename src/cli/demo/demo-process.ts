/** A process of the demo, a worker or the API: this same program, which ends when the demo does, however that comes about. */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { within } from '../../clock.ts'
import type { Io } from '../terminal/io.ts'

const MAY_TAKE_MS = 30_000
const WARNING = 40
/** The build puts the whole program into one folder. */
const MAIN = new URL(import.meta.url.endsWith('.ts') ? '../../main.ts' : './main.js', import.meta.url)

export class DemoProcess {
  readonly #io: Io
  readonly #command: string
  readonly pid: number
  readonly #process: ChildProcess
  /** Rejects if it ends before it is told to. */
  readonly died: Promise<never>

  constructor(io: Io, env: NodeJS.ProcessEnv, command: 'worker' | 'api' = 'worker') {
    this.#io = io
    this.#command = command
    this.#process = fork(fileURLToPath(MAIN), [command], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'], // it ends when the channel to this process does
      detached: true, // and not by the terminal's Ctrl-C, before this process has said its last
      env: {
        PATH: io.env.PATH,
        METRICS_HOST: '127.0.0.1',
        METRICS_PORT: '0',
        API_PORT: '0',
        LOG_FORMAT: 'json',
        ...env,
      },
    })
    this.pid = this.#process.pid ?? 0
    this.died = new Promise((_, reject) => {
      this.#process.once('exit', (code, signal) => {
        reject(new Error(`${command} ${this.pid} of the demo ended by itself (${signal ?? `exit code ${code}`})`))
      })
    })
    this.died.catch(() => {})
  }

  /** Where its HTTP is, once it has started. Its log says so; warnings in it are passed on. */
  started(): Promise<string> {
    const url = new Promise<string>((resolve) => {
      let at = ''
      let rest = ''
      this.#process.stderr?.on('data', (data: Buffer) => {
        const lines = (rest + data.toString()).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) {
          const { msg = line, url: metrics, level = WARNING } = parsed(line)
          if (metrics) at = metrics.replace(/\/metrics$/, '')
          if (msg === `${this.#command} started`) resolve(at)
          if (level >= WARNING) this.#io.say(`${this.#command} ${this.pid}: ${msg}`)
        }
      })
    })
    return Promise.race([url, this.died])
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const exit = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    if ((await within(MAY_TAKE_MS, exit)) === 'late') this.#process.kill('SIGKILL')
  }
}

function parsed(line: string): { msg?: string; url?: string; level?: number } {
  try {
    return JSON.parse(line) as { msg?: string }
  } catch {
    return {}
  }
}
