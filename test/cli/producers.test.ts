/** Who asks: from the command line and files to the lookup, and back in `status`. */

import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import type { FleetStatus } from '../../src/fleet/status.ts'
import { run } from '../support/in-process.ts'
import { startWorker } from '../support/processes.ts'
import { useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'
import { statusSchema } from './schemas.ts'

const world = useWorld()

async function producers(): Promise<FleetStatus['producers']> {
  const { stdout } = await run(['status', '--json'], world.env)
  return (z.parse(statusSchema, JSON.parse(stdout)) as FleetStatus).producers
}

const lookups = () => world.queue(NAMES.lookupQueue)

describe('enqueue --producer', () => {
  it('is for lines that do not say; the same key of two producers is two lookups', async () => {
    const file = 'connectionId,producer,idempotencyKey\n1,,k\n1,web,k\n1,crm,k\n2,,\n'
    const { code } = await run(['enqueue', '--file', '-', '--producer', 'crm'], world.env, file)
    expect(code).toBe(0)
    const jobs = await lookups().getWaiting()
    expect(jobs.map(({ data }) => `${data.connectionId} ${data.producer}`).sort()).toEqual(['1 crm', '1 web', '2 crm'])
  })

  it.each(['my crm', '', 'x'.repeat(65)])('%j is refused, exit 2', async (name) => {
    const { code, stderr } = await run(['enqueue', '1', '--producer', name], world.env)
    expect(code).toBe(2)
    expect(stderr).toContain('error: --producer: expected a name of 1 to 64 characters of A-Z a-z 0-9 . _ -')
  })
})

describe('status', () => {
  it('says nothing of producers where no lookup does', async () => {
    await lookups().add('lookup', { connectionId: '1' })
    expect(await producers()).toEqual({
      waiting: { waiting: 1, sampled: 1, by: [{ producer: null, lookups: 1 }] },
      calls: [],
    })
    expect((await run(['status'], world.env)).stdout).not.toContain('who waits')
  })

  it('says who waits, in each list of both queues, and takes no other text for a producer', async () => {
    const interactive = world.queue(NAMES.interactiveQueue)
    await lookups().add('lookup', { connectionId: '1', producer: 'crm' })
    await lookups().add('lookup', { connectionId: '1', producer: 'crm' }, { delay: 1e8 })
    await interactive.add('lookup', { connectionId: '1', producer: 'web' }, { priority: 3 })
    await lookups().add('lookup', { connectionId: '1', metadata: { producer: 'nested' } })
    await lookups().add('lookup', { connectionId: '1', producer: 'Maria da Conceição' })
    const broken = `bull:${NAMES.lookupQueue}:broken`
    await world.redis.hset(broken, 'data', '{"producer":"crm"')
    await world.redis.lpush(`bull:${NAMES.lookupQueue}:wait`, 'broken', 'gone')
    const { waiting } = await producers()
    expect(waiting).toEqual({
      waiting: 7,
      sampled: 7,
      by: [
        { producer: null, lookups: 4 },
        { producer: 'crm', lookups: 2 },
        { producer: 'web', lookups: 1 },
      ],
    })
    const { stdout } = await run(['status'], world.env)
    expect(stdout).toContain('who waits: nobody named 4, crm 2, web 1\n')
  })

  it('of many looks at a sample, and says so', async () => {
    const of = (producer: string) => Array.from({ length: 3000 }, () => ({ connectionId: '1', producer }))
    for (const producer of ['crm', 'web']) {
      await lookups().addBulk(of(producer).map((data) => ({ name: 'lookup', data })))
    }
    const { waiting } = await producers()
    expect(waiting).toMatchObject({ waiting: 6000, sampled: 2000 })
    expect(waiting.by.map(({ lookups }) => lookups)).toEqual([1000, 1000])
    expect((await run(['status'], world.env)).stdout).toMatch(
      /^who waits: (crm|web) 50 %, (crm|web) 50 % \(of a sample of 2,000\)$/m,
    )
  })

  it('says whose calls the last minute were', async () => {
    await startWorker(world.env)
    const data = ['crm', 'crm', 'web', undefined].map((producer, index) => ({ connectionId: `c${index}`, producer }))
    await lookups().addBulk(data.map((data) => ({ name: 'lookup', data })))
    await until('the worker has told it', async () => (await producers()).calls.length === 3)
    await until('all of it', async () => (await run(['status'], world.env)).stdout.includes('crm 2'))
    expect((await producers()).calls[0]).toEqual({ producer: 'crm', calls: 2 })
    expect((await run(['status'], world.env)).stdout).toMatch(
      /^calls of the last minute: crm 2, (web 1, nobody named 1|nobody named 1, web 1)$/m,
    )
  })
})
