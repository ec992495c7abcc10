/**
 * Redis as it is run where it must not fail: a master with a replica and three sentinels, or a Cluster of three masters with
 * a replica each. All of it on loopback, on free ports, in folders of its own, and gone when this process is gone.
 */

import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { promisify } from 'node:util'
import { Cluster, Redis } from 'ioredis'
import type { Environment } from '../support/processes.ts'
import { until } from '../support/world.ts'

export interface RedisGroup {
  prefix: string
  /** How a process of the product finds it. */
  env: Environment
  /** A connection that finds the master by itself; without `impatient` it waits for one. */
  connect(impatient?: object): Redis
  /** Where our keys are at the moment. */
  master(): Promise<Server>
  close(): Promise<void>
}

export interface ClusterGroup extends RedisGroup {
  /** Has the replica take over from a master that lives. */
  failover(): Promise<void>
}

export interface Server {
  port: number
  /** Straight to it. */
  redis: Redis
  /** SIGKILL, SIGSTOP, SIGCONT */
  signal(signal: NodeJS.Signals): void
  close(): Promise<void>
}

export const MASTER_NAME = 'chats'
/** Longer than a loaded machine keeps a server from answering. */
const DOWN_AFTER_MS = 3_000

export async function startSentinelGroup(): Promise<RedisGroup> {
  const [first = 0, second = 0, ...sentinelPorts] = await freePorts(5)
  const servers = [await startServer(first, []), await startServer(second, ['--replicaof', `127.0.0.1 ${first}`])]
  const sentinels = await Promise.all(sentinelPorts.map((port) => startSentinel(port, first)))
  await Promise.all(sentinels.map(seesAll))
  const addresses = sentinelPorts.map((port) => ({ host: '127.0.0.1', port }))
  const [anySentinel] = sentinels as [Server]
  const master = async () => {
    const answer = await anySentinel.redis.call('SENTINEL', 'get-master-addr-by-name', MASTER_NAME)
    return serverAt(servers, Number((answer as string[])[1]))
  }
  return {
    prefix: 'bull',
    env: { REDIS_SENTINELS: listOf(sentinelPorts), REDIS_SENTINEL_MASTER: MASTER_NAME },
    connect: (impatient = { maxRetriesPerRequest: null }) =>
      quiet(new Redis({ protocol: 2, sentinels: addresses, name: MASTER_NAME, failoverDetector: true, ...impatient })),
    master,
    close: () => closeAll([...sentinels, ...servers]),
  }
}

async function startSentinel(port: number, masterPort: number): Promise<Server> {
  const lines = [
    `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds ${MASTER_NAME} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${MASTER_NAME} 10000`,
  ]
  return startServer(port, ['--sentinel'], lines)
}

/** The replica, and the two others. */
async function seesAll({ redis }: Server): Promise<void> {
  await until('a sentinel sees the replica and the other sentinels', async () => {
    const flat = (await redis.call('SENTINEL', 'master', MASTER_NAME)) as string[]
    const field = (name: string) => flat[flat.indexOf(name) + 1]
    return field('num-slaves') === '1' && field('num-other-sentinels') === '2'
  })
}

/** Without replicas it starts quickly, and nothing takes over. */
export async function startClusterGroup({ replicas = 1 }: { replicas?: 0 | 1 } = {}): Promise<ClusterGroup> {
  const nodes = 3 + 3 * replicas
  const ports = await freePorts(2 * nodes)
  const servers = await Promise.all(
    ports.slice(0, nodes).map((port, place) => {
      const own = ['--cluster-enabled', 'yes', '--cluster-port', String(ports[nodes + place])]
      return startServer(port, [...own, '--cluster-node-timeout', String(DOWN_AFTER_MS)])
    }),
  )
  const hosts = servers.map(({ port }) => `127.0.0.1:${port}`)
  const create = ['--cluster', 'create', ...hosts, '--cluster-replicas', String(replicas), '--cluster-yes']
  await promisify(execFile)('redis-cli', create)
  const prefix = '{chats}'
  await until('every node knows all slots, and each master has its replica', async () => {
    const infos = await Promise.all(servers.map(({ redis }) => redis.cluster('INFO') as Promise<string>))
    if (!infos.every((info) => info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${nodes}`)))
      return false
    if (replicas === 0) return true
    const own = await Promise.all(servers.map(({ redis }) => redis.info('replication')))
    return own.every((info) => info.includes('state=online') || info.includes('master_link_status:up'))
  })
  return {
    prefix,
    env: { REDIS_CLUSTER_NODES: hosts.slice(0, 3).join(','), QUEUE_PREFIX: prefix },
    connect: (impatient) => quiet(clusterClient(servers, impatient)),
    master: () => ownerOf(servers, prefix),
    failover: async () => {
      const replica = await replicaOf(servers, (await ownerOf(servers, prefix)).port)
      await replica.redis.cluster('FAILOVER')
    },
    close: () => closeAll(servers),
  }
}

function clusterClient(servers: Server[], impatient: object = { maxRetriesPerRequest: null }): Redis {
  const nodes = servers.map(({ port }) => ({ host: '127.0.0.1', port }))
  const waits = { maxRedirections: 1000, clusterRetryStrategy: () => 200 }
  return new Cluster(nodes, { redisOptions: { protocol: 2, ...impatient }, ...waits }) as unknown as Redis
}

async function ownerOf(servers: Server[], key: string): Promise<Server> {
  const alive = servers.find(({ redis }) => redis.status === 'ready')
  if (!alive) throw new Error('no node of the Cluster is alive')
  const slot = Number(await alive.redis.cluster('KEYSLOT', key))
  const slots = (await alive.redis.cluster('SLOTS')) as unknown as [number, number, [string, number]][]
  const [, , owner] = slots.find(([from, to]) => from <= slot && slot <= to) ?? [0, 0, ['', 0]]
  return serverAt(servers, owner[1])
}

async function replicaOf(servers: Server[], port: number): Promise<Server> {
  for (const server of servers)
    if ((await server.redis.info('replication')).includes(`master_port:${port}`)) return server
  throw new Error(`${port} has no replica`)
}

function serverAt(servers: Server[], port: number): Server {
  const found = servers.find((server) => server.port === port)
  if (!found) throw new Error(`no server at port ${port}`)
  return found
}

/**
 * Its machine is lost, but nothing that it had said yes to: Redis replicates after it has answered, so that a master may take
 * its last answers with it, a loss of Redis' own that would hide what becomes of the rest. Clients go on asking meanwhile.
 */
export async function loseMachineOf({ redis, signal }: Server, by: 'SIGKILL' | 'SIGSTOP'): Promise<void> {
  await redis.client('PAUSE', 600_000, 'WRITE')
  await until('the replica has all', async () => {
    const info = await redis.info('replication')
    const [, of = 'replica'] = /^slave0:.*offset=(\d+)/m.exec(info) ?? []
    const [, own] = /^master_repl_offset:(\d+)/m.exec(info) ?? []
    return of === own
  })
  signal(by)
}

function quiet(redis: Redis): Redis {
  redis.on('error', () => {})
  return redis
}

/** A shell waits for the server, and reads a pipe that this process alone holds open: it ends with it. */
const GUARD = `
exec 3<&0
"$@" >/dev/null & server=$!
echo "$server"
{ while read -r _; do :; done; kill -9 "$server" 2>/dev/null; } <&3 & reader=$!
wait "$server" 2>/dev/null
kill "$reader" 2>/dev/null
rm -rf "$FOLDER"`

async function startServer(port: number, args: string[], lines: string[] = []): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'faults-redis-'))
  const file = join(folder, 'redis.conf')
  const kept = args.includes('--sentinel') ? [] : ['appendonly yes', 'maxmemory-policy noeviction', 'save ""']
  writeFileSync(file, [`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`, ...kept, ...lines, ''].join('\n'))
  const shell: ChildProcessByStdio<Writable, Readable, null> = spawn(
    'sh',
    ['-c', GUARD, 'redis', 'redis-server', file, ...args],
    { detached: true, stdio: ['pipe', 'pipe', 'ignore'], env: { PATH: process.env.PATH, FOLDER: folder } },
  )
  shell.stdin.on('error', () => {})
  const [said] = (await once(shell.stdout, 'data')) as [Buffer]
  const redis = quiet(new Redis({ port, protocol: 2, retryStrategy: () => 100, maxRetriesPerRequest: null }))
  await redis.ping()
  return {
    port,
    redis,
    signal: (signal) => void process.kill(Number.parseInt(said.toString(), 10), signal),
    close: async () => {
      redis.disconnect()
      if (shell.exitCode !== null) return
      const ended = once(shell, 'exit')
      shell.stdin.end()
      await ended
    },
  }
}

async function closeAll(servers: Server[]): Promise<void> {
  await Promise.all(servers.map((server) => server.close()))
}

function listOf(ports: number[]): string {
  return ports.map((port) => `127.0.0.1:${port}`).join(',')
}

async function freePorts(count: number): Promise<number[]> {
  const open = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = open.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(open.map((server) => once(server.close(), 'close')))
  return ports
}
