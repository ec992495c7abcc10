/** Workers, a producer and an auditor that all find their Redis by sentinels, or in a Cluster. */

import { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import { expect } from 'vitest'
import { pastOf } from '../support/finished.ts'
import { type Environment, killAll, run, SOAP_SECRETS, startWorker, type WorkerProcess } from '../support/processes.ts'
import { type ScriptedService, startScriptedService } from '../support/scripted-service.ts'
import { NAMES } from '../support/world.ts'
import { Auditor, IMPATIENT } from './auditor.ts'
import { expectNone, logsOf, seenOf } from './canaries.ts'
import type { RedisGroup } from './redis-groups.ts'
import { isReady, until } from './rig.ts'
import { troubleLogged } from './trouble.ts'

export interface GroupFleet {
  service: ScriptedService
  workers: WorkerProcess[]
  auditor: Auditor
  /** Of a command that is to meet this fleet. */
  env: Environment
  /** Adds lookups, however long that takes, and notes them as accepted when Redis has said so. */
  enqueue(count: number): Promise<void>
  /** Lookups that were charged an attempt. */
  charged(): Promise<number>
  close(): Promise<void>
}

export async function startGroupFleet(group: RedisGroup, workers = 2): Promise<GroupFleet> {
  const service = await startScriptedService({ latencyMs: 100 })
  const env = {
    ...SOAP_SECRETS,
    ...group.env,
    SOAP_ENDPOINT: service.url,
    RATE_LIMIT_PER_SECOND: 'none',
    CONCURRENCY: '8',
  }
  const auditor = new Auditor(group.connect(IMPATIENT), 'chat-results', group.prefix)
  const redis = group.connect()
  const queue = new Queue('chat-lookups', { connection: redis, prefix: group.prefix })
  queue.on('error', () => {})
  const started = await Promise.all(Array.from({ length: workers }, () => startWorker(env)))
  return {
    service,
    workers: started,
    auditor,
    env,
    enqueue: (count) => enqueue(queue, auditor, count),
    charged: () => charged(redis, group.prefix, [...auditor.accepted]),
    close: async () => {
      const seen = await seenOf(started)
      await killAll()
      await auditor.close()
      redis.disconnect()
      await service.close()
      expectNone([...seen, ...logsOf(started)])
    },
  }
}

/** A fault that takes the master, while lookups flow and more are added; afterwards each has its one result. */
export async function whileLookupsFlow(
  group: RedisGroup,
  fleet: GroupFleet,
  fault: () => Promise<void>,
): Promise<void> {
  const startedAt = performance.now()
  const before = (await group.master()).port
  await fleet.enqueue(400)
  await until('lookups flow', () => fleet.service.calls.length > 40)
  await fault()
  await fleet.enqueue(100)
  const audit = await fleet.auditor.complete(120_000)
  expect(audit).toMatchObject({ accepted: 500, results: 500, lost: [], duplicates: [], notEnriched: [] })
  expect((await group.master()).port).not.toBe(before)
  expect(await fleet.charged()).toBe(0)
  const periods = Math.ceil((performance.now() - startedAt) / 10_000)
  for (const [kind, lines] of troubleLogged(fleet.workers)) expect(lines, kind).toBeLessThanOrEqual(periods)
  await until('every worker is ready again', async () => (await Promise.all(fleet.workers.map(isReady))).every(Boolean))
  expect(fleet.workers.map(({ child }) => child.exitCode)).toEqual([null, null])
}

/** `enqueue` and `status` find the same Redis. */
export async function meetsCommands({ auditor, env, workers }: GroupFleet): Promise<void> {
  const { code, stdout } = await run(['enqueue', '1', '2', '--json'], env)
  expect(code).toBe(0)
  const ids = stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { lookupId: string }).lookupId)
  for (const id of ids) auditor.accepted.add(id)
  const { results } = await auditor.complete()
  expect(results).toBe(auditor.accepted.size)
  const status = await run(['status', '--json'], env)
  expect(status.code).toBe(0)
  expect(JSON.parse(status.stdout).members).toHaveLength(workers.length)
}

let added = 0

async function enqueue(queue: Queue, auditor: Auditor, count: number): Promise<void> {
  const jobs = Array.from({ length: count }, () => {
    const connectionId = `c-${added++}`
    return { name: 'lookup', data: { connectionId }, opts: { jobId: `lk-${connectionId}` } }
  })
  for (const { id = '' } of await queue.addBulk(jobs)) auditor.accepted.add(id)
}

async function charged(redis: Redis, prefix: string, ids: string[]): Promise<number> {
  const pasts = await Promise.all(ids.map((id) => pastOf(redis, id, { ...NAMES, prefix })))
  return pasts.filter((past) => past && past.charged > 0).length
}
