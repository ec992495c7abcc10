import { beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { REDRIVE_FIELD } from '../../src/redis/names.ts'
import { stateOf } from '../support/finished.ts'
import { run } from '../support/in-process.ts'
import { killAll, startWorker } from '../support/processes.ts'
import { useConsumer, useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'
import { deadLetterSchemas } from './schemas.ts'
import { start } from './started.ts'

const world = useWorld()
const consumer = useConsumer(world)
const queue = () => world.queue(NAMES.lookupQueue)
const key = (part: string) => `bull:${NAMES.lookupQueue}:${part}`
const call = (...args: string[]) => run(['dead-letters', ...args], world.env)
const failed = () => queue().getFailedCount()
const worker = () => startWorker({ ...world.env, RATE_LIMIT_PER_SECOND: 'none' })
const DAY_MS = 86_400_000

/** Enqueued so long ago that they expire at their first run, without a call. */
async function addDead(count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `d-${index}`)
  const opts = { timestamp: Date.now() - 8 * DAY_MS }
  await queue().addBulk(
    ids.map((jobId) => ({ name: 'lookup', data: { connectionId: jobId }, opts: { ...opts, jobId } })),
  )
  await until('they are dead letters', async () => (await failed()) === count)
  return ids
}

const seen = (id: string) => consumer.of(id).map(({ status, redrive }) => `${status} ${redrive}`)

beforeEach(async () => {
  await worker()
})

describe('dead-letters', () => {
  it('lists them by cause, and says which failed again', async () => {
    expect(await call()).toMatchObject({ code: 0, stdout: 'no dead letters\n' })
    await addDead(3)
    await killAll()
    await world.redis.hset(key('d-0'), REDRIVE_FIELD, 2)
    await world.redis.hset(
      key('d-1'),
      'ce:end',
      JSON.stringify({ status: 'failed', code: 'soap-fault', fault: 'Server' }),
    )
    const { code, stdout } = await call('list')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^expired +2 .* 1 *$/m)
    expect(stdout).toMatch(/^soap-fault, Server +1 .* 0 *$/m)
    const lines = (await call('list', '--json')).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines.map((line) => [line.failure, line.count, line.failedAgain])).toEqual([
      ['expired', 2, 1],
      ['soap-fault', 1, 0],
      [undefined, undefined, undefined],
    ])
    for (const line of lines.slice(0, -1)) z.parse(deadLetterSchemas.group, line)
    z.parse(deadLetterSchemas.end, lines.at(-1))
  })
})

describe('dead-letters redrive', () => {
  it('says what it would do, and does it when it is told to', async () => {
    await addDead(12)
    const dry = await call('redrive', '--failure', 'expired', '--dry-run', '--json')
    expect(z.parse(deadLetterSchemas.plan, JSON.parse(dry.stdout))).toMatchObject({
      count: 12,
      calls: 12,
      refused: null,
    })
    const named = await call('redrive', 'd-0', 'nobody', '--dry-run', '--json')
    expect(named).toMatchObject({ code: 1, stderr: expect.stringMatching(/^1 lookup of those that were named/) })
    expect(z.parse(deadLetterSchemas.plan, JSON.parse(named.stdout))).toMatchObject({ count: 1, calls: 1 })
    expect(await call('drop', 'd-0', '--reason', 'x', '--dry-run')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^1 lookup to drop, of 1 lookup looked at\n[\s\S]*no calls/),
    })
    expect(await failed()).toBe(12)
    expect(await call('redrive', '--failure', 'expired')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--yes'),
    })
    expect(await call('redrive', '--failure', 'network', '--yes')).toMatchObject({
      code: 0,
      stdout: 'put back: 0 lookups\n',
    })
    const done = await call('redrive', '--failure', 'expired', '--yes', '--json', '--rate', '1000')
    expect(done.code).toBe(0)
    expect(z.parse(deadLetterSchemas.acted, JSON.parse(done.stdout))).toMatchObject({ done: 12, refusedCount: 0 })
    await consumer.have(24)
    expect(seen('d-0')).toEqual(['failed 0', 'enriched 1'])
    const activity = JSON.parse((await run(['activity', '--json', '--limit', '1'], world.env)).stdout)
    expect(activity).toMatchObject({
      action: 'redrive',
      arguments: { selection: { failure: 'expired' } },
      count: 12,
      state: 'done',
    })
  })

  it('by id tells what is no dead letter, exit 1', async () => {
    await addDead(1)
    await queue().add('lookup', { connectionId: 'x' }, { jobId: 'x' })
    await until('it is done', async () => (await stateOf(world.redis, 'x')) === 'completed')
    const { code, stdout, stderr } = await call('redrive', 'd-0', 'x', 'nobody')
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'put back: 1 lookup\n' })
    expect(stderr).toBe(
      'x: expected a dead letter, got one that is completed\nnobody: expected a dead letter, got no lookup of this id\n',
    )
    expect(await call('redrive', 'x', '--state', 'finished')).toMatchObject({ code: 0, stdout: 'put back: 1 lookup\n' })
    await consumer.have(4)
    expect(seen('x')).toEqual(['enriched 0', 'enriched 1'])
  })

  it('waits while the fleet holds, and is refused for what it holds for, unless forced', async () => {
    await addDead(2)
    await run(['hold', '--reason', 'maintenance'], world.env)
    const waiting = start(['dead-letters', 'redrive', '--all', '--yes'], world.env)
    await until('it says so', () => waiting.stderr().includes('waits: the fleet is held (manual: maintenance'))
    expect(await failed()).toBe(2)
    await run(['release'], world.env)
    expect((await waiting.ended).code).toBe(0)
    await consumer.have(4)
  })

  it('of 300, killed three times, puts each back once; run again, it goes on', async () => {
    const ids = await addDead(300)
    await worker()
    const args = ['dead-letters', 'redrive', '--all', '--yes', '--rate', '100']
    for (const left of [260, 180, 90]) {
      const acting = start(args, world.env)
      await until(`${left} are left`, async () => (await failed()) <= left)
      acting.child.kill('SIGKILL')
      await acting.ended
    }
    const last = await call('redrive', '--all', '--yes', '--rate', '1000')
    expect(last).toMatchObject({ code: 0, stdout: expect.stringContaining('it went on with the one that began') })
    await consumer.have(600)
    for (const id of ids) expect(seen(id)).toEqual(['failed 0', 'enriched 1'])
    expect(consumer.results).toHaveLength(600)
  })
})

describe('dead-letters drop', () => {
  it('ends them for good, with a reason', async () => {
    await addDead(3)
    expect(await call('drop', '--all', '--yes')).toMatchObject({ code: 2, stderr: expect.stringContaining('--reason') })
    expect(await call('drop', '--state', 'finished', '--yes', '--reason', 'x')).toMatchObject({ code: 2 })
    expect(await call('drop', 'd-1', '--reason', 'x')).toMatchObject({ code: 0, stdout: 'dropped: 1 lookup\n' })
    expect(await call('drop', '--all', '--yes', '--reason', 'x')).toMatchObject({
      code: 0,
      stdout: 'dropped: 2 lookups\n',
    })
    expect(await world.redis.keys(key('d-*'))).toEqual([])
    await consumer.have(3)
  })
})
