/**
 * A private Redis for the demo and the tests: a process of its own on a port of its own, with its data in a temporary
 * folder, gone when this process is gone, however that comes about.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Redis } from 'ioredis'
import { within } from './clock.ts'

export interface EmbeddedRedis {
  url: string
  port: number
  pid: number
  /** Ends it and removes its folder. */
  stop(): Promise<void>
}

const UP_WITHIN_MS = 10_000

/**
 * The shell reads a pipe that only this process holds open. When this process ends, also by SIGKILL, the pipe closes, and
 * the shell ends Redis and removes the folder.
 */
const GUARD = `
"$@" & server=$!
echo "$server"
cat >/dev/null
kill -9 "$server" 2>/dev/null
wait "$server" 2>/dev/null
rm -rf "$FOLDER"`

/** Starts one. Throws, with the ways to get one, if there is no redis-server. `extra` are arguments of redis-server. */
export async function startEmbeddedRedis(extra: string[] = [], port?: number): Promise<EmbeddedRedis> {
  const binary = find('redis-server') ?? find('valkey-server')
  if (!binary)
    throw new Error(
      'expected redis-server or valkey-server on PATH, got neither. Install one (Debian, Ubuntu: apt-get install ' +
        'redis-server; macOS: brew install redis), or set REDIS_URL to a Redis that runs',
    )
  const chosen = port ?? (await freePort())
  const folder = await mkdtemp(join(tmpdir(), 'chat-enricher-redis-'))
  const guard = spawn('sh', ['-c', GUARD, 'redis', binary, ...ARGUMENTS(chosen, folder), ...extra], {
    detached: true, // a Ctrl-C at the terminal must not end Redis before those who use it
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { PATH: process.env.PATH, FOLDER: folder },
  })
  guard.stdin?.on('error', () => {})
  const [line] = (await once(guard.stdout as NonNullable<ChildProcess['stdout']>, 'data')) as [Buffer]
  guard.unref()
  for (const stream of [guard.stdin, guard.stdout] as unknown as { unref?(): void }[]) stream.unref?.()
  const url = `redis://127.0.0.1:${chosen}`
  const stop = async () => {
    if (guard.exitCode !== null || guard.signalCode !== null) return
    const ended = once(guard, 'exit')
    guard.ref()
    guard.stdin?.end()
    await ended
  }
  try {
    await answered(url)
  } catch (cause) {
    const log = await readFile(join(folder, 'redis.log'), 'utf8').catch(() => '')
    await stop()
    throw new Error(`${(cause as Error).message}; ${binary} said: ${lastLine(log)}`, { cause })
  }
  return { url, port: chosen, pid: Number(line.toString()), stop }
}

function lastLine(log: string): string {
  return log.trim().split('\n').at(-1) || 'nothing'
}

const ARGUMENTS = (port: number, folder: string) => [
  ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'],
  ...['--maxmemory-policy', 'noeviction', '--daemonize', 'no', '--loglevel', 'warning', '--logfile', 'redis.log'],
]

function find(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path))
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

async function answered(url: string): Promise<void> {
  const redis = new Redis(url, { protocol: 2, retryStrategy: () => 50, maxRetriesPerRequest: null })
  redis.on('error', () => {})
  const answer = await within(
    UP_WITHIN_MS,
    redis.ping().catch(() => 'late'),
  )
  redis.disconnect()
  if (answer === 'late')
    throw new Error(`expected the embedded Redis to answer at ${url} in ${UP_WITHIN_MS / 1000} s, got nothing`)
}
