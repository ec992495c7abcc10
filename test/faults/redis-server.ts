/** A redis-server of a test's own, that keeps its data on disk, and can be ended, frozen, and started again. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort } from '../../src/cli/demo/embedded-redis.ts'

export interface RedisServer {
  port: number
  url: string
  readonly isRunning: boolean
  /** Starts it again, on the same port, with what is on disk. */
  start(): Promise<void>
  /** SHUTDOWN: it saves and ends. */
  shutdown(): Promise<void>
  /** SIGKILL. */
  kill(): Promise<void>
  /** SIGSTOP: it takes connections, and says nothing. */
  freeze(): void
  /** SIGCONT */
  thaw(): void
  /** For good: its folder goes, too. */
  close(): Promise<void>
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** `extra` are arguments of redis-server; by default it has an append-only file that is written through. */
export async function startRedisServer(extra: string[] = []): Promise<RedisServer> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'faults-redis-'))
  const own = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--loglevel', 'warning']
  const kept = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction']
  let child: ChildProcess | null = null
  const start = async () => {
    child = spawn('redis-server', [...own, ...kept, ...extra], { stdio: 'ignore' })
    running.add(child)
    await answers(port)
  }
  const end = async (signal: NodeJS.Signals) => {
    const ending = child
    if (!ending) return
    child = null
    const exit = once(ending, 'exit')
    ending.kill(signal)
    await exit
    running.delete(ending)
  }
  await start()
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    get isRunning() {
      return child !== null
    },
    start,
    shutdown: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    close: async () => {
      await end('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Also that it has read what is on disk. */
async function answers(port: number): Promise<void> {
  const redis = new Redis(port, '127.0.0.1', { protocol: 2, retryStrategy: () => 50, maxRetriesPerRequest: null })
  redis.on('error', () => {})
  await redis.ping()
  redis.disconnect()
}
