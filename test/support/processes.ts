/** Real processes of the build: workers, and any other command. Everything started here ends with the test. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

export interface Environment {
  [name: string]: string | undefined
}

export interface Ran {
  code: number | null
  stdout: string
  stderr: string
}

/** Only what a command needs to run: nothing of the environment of whoever runs the tests. */
function bare(env: Environment): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, HOME: process.env.HOME, ...env }
}

/** Runs a command of chat-enricher to its end. */
export async function run(args: string[], env: Environment = {}, input?: string): Promise<Ran> {
  const child = spawn(process.execPath, [MAIN, ...args], { env: bare(env), stdio: 'pipe' })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data) => {
    stdout += data
  })
  child.stderr.on('data', (data) => {
    stderr += data
  })
  child.stdin.on('error', () => {})
  child.stdin.end(input ?? '')
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

export interface WorkerProcess {
  child: ChildProcess
  pid: number
  /** Of its HTTP. */
  url: string
  /** Everything it has logged so far. */
  log(): string
  /** Sends the signal and waits for the end. */
  kill(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null; ms: number }>
}

const running = new Set<ChildProcess>()

/** A process that has started: a worker, or another command that serves /metrics as one does. */
export async function startWorker(env: Environment, command = 'worker'): Promise<WorkerProcess> {
  const child = spawn(process.execPath, [MAIN, command], {
    env: bare({ METRICS_HOST: '127.0.0.1', METRICS_PORT: '0', LOG_FORMAT: 'json', ...SOAP_SECRETS, ...env }),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  let text = ''
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code}: ${text}`)))
    child.stderr?.on('data', (data: Buffer) => {
      text += data
      const shown = (command === 'api' ? /"url":"([^"]+)"/ : /"url":"([^"]+)\/metrics"/).exec(text)?.[1]
      if (shown && text.includes(`"msg":"${command} started"`)) resolve(shown)
    })
  })
  const kill = async (signal: NodeJS.Signals) => {
    const startedAt = performance.now()
    const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
    child.kill(signal)
    const [code, ended] = await exit
    return { code, signal: ended, ms: performance.now() - startedAt }
  }
  return { child, pid: child.pid ?? 0, url, log: () => text, kill }
}

/** An API, on a port of its own. */
export function startApiProcess(env: Environment): Promise<WorkerProcess> {
  return startWorker({ API_PORT: '0', ...env }, 'api')
}

/** Ends whatever still runs; for `afterEach`. */
export async function killAll(): Promise<void> {
  await Promise.all(
    [...running].map(async (child) => {
      const exit = once(child, 'exit')
      child.kill('SIGKILL')
      await exit
    }),
  )
}

export const SOAP_SECRETS = {
  SOAP_PUBLIC_KEY_1: 'canary-public-key',
  SOAP_ENCRYPTED_USER: 'canary-user',
  SOAP_ENCRYPTED_PASSWORD: 'canary-password',
  SOAP_ENCRYPTED_SIGNATURE: 'canary-signature',
}
