/**
 * A private Redis for the demo and the tests: a process of its own on a port of its own, with its data in a temporary
 * folder, gone when this process is gone, however that comes about.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { sleep, within } from '../../clock.ts'

export interface EmbeddedRedis {
  url: string
  port: number
  pid: number
  /** Ends Redis and removes its folder. */
  stop(): Promise<void>
}

const UP_WITHIN_MS = 10_000
const ASK_EVERY_MS = 50

/**
 * A shell waits for Redis, and another reads a pipe that only this process holds open. When this process ends, also by
 * SIGKILL, the pipe closes, and Redis is ended; when Redis ends, the folder goes, and its last words are passed on.
 */
const GUARD = `
exec 3<&0
"$@" & server=$!
echo "$server"
{ while read -r _; do :; done; kill -9 "$server" 2>/dev/null; } <&3 & reader=$!
wait "$server" 2>/dev/null
kill "$reader" 2>/dev/null
tail -n 1 "$FOLDER/redis.log" 2>/dev/null
rm -rf "$FOLDER"`

/** Starts one. Throws, with the ways to get one, if there is no redis-server. `extra` are arguments of redis-server. */
export async function startEmbeddedRedis(
  extra: string[] = [],
  port?: number,
  path = process.env.PATH ?? '',
): Promise<EmbeddedRedis> {
  const binary = find('redis-server', path) ?? find('valkey-server', path)
  if (!binary)
    throw new Error(
      'expected redis-server or valkey-server on PATH, got neither. Install one (Debian, Ubuntu: apt-get install ' +
        'redis-server; macOS: brew install redis), or set REDIS_URL to a Redis that runs',
    )
  const chosen = port ?? (await freePort())
  const url = `redis://127.0.0.1:${chosen}`
  const folder = await mkdtemp(join(tmpdir(), 'chat-enricher-redis-'))
  const guard = new Guard(path, folder, [binary, ...ARGUMENTS(chosen, folder), ...extra])
  const pid = await guard.pid()
  if ((await Promise.race([answers(chosen), guard.ended])) !== 'answered') {
    await guard.stop()
    throw new Error(
      `expected the embedded Redis to answer at ${url}, got nothing; ${binary} said: ${guard.lastWords()}`,
    )
  }
  return { url, port: chosen, pid, stop: () => guard.stop() }
}

class Guard {
  readonly ended: Promise<unknown>
  readonly #shell: ChildProcessByStdio<Writable, Readable, null>
  #said = ''

  constructor(path: string, folder: string, command: string[]) {
    this.#shell = spawn('sh', ['-c', GUARD, 'redis', ...command], {
      detached: true, // a Ctrl-C at the terminal must not end Redis before those who use it
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { PATH: path, FOLDER: folder },
    })
    this.ended = once(this.#shell, 'close')
    this.#shell.stdin.on('error', () => {})
    this.#shell.stdout.on('data', (data: Buffer) => {
      this.#said += data.toString()
    })
  }

  /** The pid of Redis. From then on neither process keeps this one alive. */
  async pid(): Promise<number> {
    await once(this.#shell.stdout, 'data')
    this.#shell.unref()
    for (const stream of [this.#shell.stdin, this.#shell.stdout] as { unref?(): void }[]) stream.unref?.()
    return Number.parseInt(this.#said, 10)
  }

  lastWords(): string {
    return this.#said.trim().split('\n').slice(1).at(-1) ?? 'nothing'
  }

  async stop(): Promise<void> {
    this.#shell.ref()
    this.#shell.stdin.end()
    await this.ended
  }
}

const ARGUMENTS = (port: number, folder: string) => [
  ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'],
  // By the name that 6.2 knows, and newer ones too: a job whose data is longer than 64 bytes takes half of Redis' memory.
  ...['--hash-max-ziplist-value', '2048'],
  ...['--maxmemory-policy', 'noeviction', '--daemonize', 'no', '--loglevel', 'warning', '--logfile', 'redis.log'],
]

function find(name: string, path: string): string | undefined {
  return path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file))
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

async function answers(port: number): Promise<'answered' | 'late'> {
  const answer = await within(UP_WITHIN_MS, pong(port))
  return answer === 'late' ? 'late' : 'answered'
}

async function pong(port: number): Promise<void> {
  while (!(await saysPong(port))) await sleep(ASK_EVERY_MS)
}

function saysPong(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    socket.once('data', (data) => {
      resolve(data.toString().startsWith('+PONG'))
      socket.destroy()
    })
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
}
