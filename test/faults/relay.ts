/** A TCP relay in a process of its own, before the service. Frozen, it is a host that has vanished: no answer, no connection. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { until } from '../support/world.ts'

export interface Relay {
  url: string
  port: number
  /** SIGSTOP; and nobody can connect any more. */
  freeze(): Promise<void>
  /** SIGCONT */
  thaw(): void
  close(): void
}

/** The kernel completes this many connections for a process that accepts none, and one more; then it leaves SYNs unanswered. */
const BACKLOG = 1

const PROGRAM = `
const { connect, createServer } = require('node:net')
const server = createServer((client) => {
  const service = connect(Number(process.argv[1]), '127.0.0.1')
  for (const [from, to] of [[client, service], [service, client]]) {
    from.on('error', () => {}).pipe(to)
    from.once('close', () => to.destroy())
  }
})
server.listen({ port: 0, host: '127.0.0.1', backlog: ${BACKLOG} }, () => console.log(server.address().port))`

export async function startRelay(serviceUrl: string): Promise<Relay> {
  const service = new URL(serviceUrl)
  const child = spawn(process.execPath, ['-e', PROGRAM, service.port], { stdio: ['ignore', 'pipe', 'inherit'] })
  process.once('exit', () => child.kill('SIGKILL'))
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  const port = Number(said)
  service.port = String(port)
  const freeze = async () => {
    child.kill('SIGSTOP')
    await until('the relay is stopped', () => / T /.test(readFileSync(`/proc/${child.pid}/stat`, 'utf8')))
    let connected = 0
    for (let i = 0; i < 2 * (BACKLOG + 1); i++) {
      const socket = connect(port, '127.0.0.1', () => connected++)
      socket.on('error', () => {}).unref()
    }
    await until('its backlog is full', () => connected > BACKLOG)
  }
  return {
    url: service.href,
    port,
    freeze,
    thaw: () => void child.kill('SIGCONT'),
    close: () => void child.kill('SIGKILL'),
  }
}

/** Sockets of a process to this port, also those that still try to connect. */
export function socketsTo(port: number, pid: number): number {
  const inodes = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`)))
  const remote = port.toString(16).toUpperCase().padStart(4, '0')
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , address, , , , , , , inode]) => address?.endsWith(`:${remote}`) && inodes.has(`socket:[${inode}]`))
    .length
}

/** '' where it is gone by now. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
