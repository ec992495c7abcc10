import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { stateOf } from '../support/finished.ts'
import { run } from '../support/in-process.ts'
import { startWorker } from '../support/processes.ts'
import { useWorld } from '../support/use-world.ts'
import { consume, NAMES, until } from '../support/world.ts'
import { parseLines, start } from './started.ts'

const FAULT = { id: 'faulty', fault: { code: 'Client' as const, string: 'no' } }

const world = useWorld({ standIn: { answers: [{ id: 'nobody', result: null }, FAULT] } })

const worker = () => startWorker({ ...world.env, RATE_LIMIT_PER_SECOND: 'none' })
const results = () => world.queue(NAMES.resultQueue)
const withKey = (connectionId: string, idempotencyKey: string) =>
  `${JSON.stringify({ connectionId, idempotencyKey })}\n`

describe('enqueue --wait', () => {
  it('prints each result as a line, leaves none on the result queue, and exits 0 if all is well', async () => {
    await worker()
    const { code, stdout, stderr } = await run(['enqueue', '1', '2', 'nobody', '--wait'], world.env)
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'enqueued 3 on chat-lookups\n' })
    expect(
      parseLines(stdout)
        .map(({ connectionId, status }) => `${connectionId} ${status}`)
        .sort(),
    ).toEqual(['1 enriched', '2 enriched', 'nobody not-found'])
    expect(await results().getJobCountByTypes()).toBe(0)
  })

  it('--deliver queue also leaves them on the result queue; a line of the file says it for itself', async () => {
    await worker()
    const own = `${JSON.stringify({ connectionId: 'own', deliver: 'wait' })}\n${JSON.stringify({ connectionId: '3' })}\n`
    await run(['enqueue', '--file', '-', '--wait', '--deliver', 'queue'], world.env, own)
    expect((await results().getJobs(['wait'])).map(({ data }) => data.connectionId)).toEqual(['3'])
    await results().drain()
    const { code, stdout, stderr } = await run(
      ['enqueue', '1', '2', 'nobody', '--wait', '--deliver', 'queue'],
      world.env,
    )
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'enqueued 3 on chat-lookups\n' })
    const printed = parseLines(stdout)
    expect(printed.map(({ connectionId, status }) => `${connectionId} ${status}`).sort()).toEqual([
      '1 enriched',
      '2 enriched',
      'nobody not-found',
    ])
    expect(await results().getWaitingCount()).toBe(3)
    const queued = await results().getJobs(['wait'])
    expect(queued.map(({ data }) => data)).toEqual(expect.arrayContaining(printed))
  })

  it('exits 1 if any result is neither enriched nor not-found', async () => {
    await worker()
    const { code, stdout } = await run(['enqueue', '1', 'faulty', '--wait', '--interactive'], world.env)
    expect(code).toBe(1)
    expect(
      parseLines(stdout)
        .map(({ status }) => status)
        .sort(),
    ).toEqual(['enriched', 'rejected'])
  })

  it('prints results while others are still to come', async () => {
    const { child, says, ended, stdout } = start(['enqueue', '--file', '-', '--wait'], world.env)
    await worker()
    child.stdin?.write('first\n')
    await says(/"connectionId":"first"/)
    child.stdin?.end('second\n')
    expect((await ended).code).toBe(0)
    expect(parseLines(stdout())).toHaveLength(2)
  })

  it.each([
    ['queue', 2500],
    ['wait', 0],
  ])(
    'gets every result (--deliver %s), though a consumer takes each from the queue as soon as it is there',
    async (where, taken) => {
      await worker()
      const consumer = consume(world)
      try {
        const ids = Array.from({ length: 2500 }, (_, index) => String(index))
        const args = ['enqueue', '--file', '-', '--wait', '--deliver', where]
        const { code, stdout, stderr } = await run(args, world.env, ids.join('\n'))
        expect({ code, stderr }).toEqual({
          code: 0,
          stderr: expect.stringMatching(/^([\d,]+ enqueued\n)*enqueued 2,500 .*\n$/),
        })
        const printed = parseLines(stdout).map(({ connectionId }) => connectionId)
        expect(printed.toSorted()).toEqual(ids.toSorted())
        expect(await consumer.have(taken)).toHaveLength(taken)
      } finally {
        await consumer.close()
      }
    },
  )

  it.each([
    ['still on the queue', ['--deliver', 'queue'], 1],
    ['still kept', [], 0],
  ])('of a lookup that had its result before prints that, if it is %s', async (_, deliver, queued) => {
    await worker()
    const first = await run(['enqueue', '--file', '-', '--wait', ...deliver], world.env, withKey('1', 'k'))
    const again = await run(['enqueue', '--file', '-', '--wait'], world.env, withKey('1', 'k'))
    expect(again.code).toBe(0)
    expect(parseLines(first.stdout)).toHaveLength(1)
    expect(parseLines(again.stdout)).toEqual(parseLines(first.stdout))
    expect(world.standIn.requests.count('1')).toBe(1)
    expect(await results().getWaitingCount()).toBe(queued)
  })

  it.each([
    ['1', 0, 'enriched'],
    ['faulty', 1, 'rejected'],
  ])('of a lookup (%s) whose result was consumed long ago says so, and how it ended', async (id, exit, status) => {
    await worker()
    const first = await run(['enqueue', '--file', '-', '--wait', '--deliver', 'queue'], world.env, withKey(id, 'k'))
    await run(['results'], world.env)
    const { code, stdout, stderr } = await run(['enqueue', '--file', '-', '--wait'], world.env, withKey(id, 'k'))
    const { lookupId } = parseLines(first.stdout)[0] as { lookupId: string }
    expect({ code, stdout }).toEqual({ code: exit, stdout: '' })
    expect(stderr).toContain(`${lookupId}: had its result before (${status}), and that has been consumed`)
  })

  it('of a lookup that ended so long ago that its marker is gone, the same', async () => {
    await worker()
    const first = await run(['enqueue', '--file', '-', '--wait', '--deliver', 'queue'], world.env, withKey('1', 'k'))
    const { lookupId } = parseLines(first.stdout)[0] as { lookupId: string }
    await run(['results'], world.env)
    await until('it is finished', async () => (await stateOf(world.redis, lookupId)) === 'completed')
    const markers = await world.redis.keys('bull:chat-enricher:marked:*')
    expect(markers).toHaveLength(2)
    await world.redis.del(...markers)
    const { code, stderr } = await run(['enqueue', '--file', '-', '--wait'], world.env, withKey('1', 'k'))
    expect(code).toBe(0)
    expect(stderr).toContain(`${lookupId}: had its result before (enriched), and that has been consumed`)
  })

  it('does not wait for a lookup that somebody removed, and says so, exit 1', async () => {
    const { says, ended, stderr } = start(['enqueue', '1', '2', '--wait'], world.env)
    await says(/enqueued 2/)
    const [job] = await world.queue(NAMES.lookupQueue).getJobs(['wait'])
    await job?.remove()
    await says(/: was removed from the queue, and has had no result/)
    await worker()
    expect(await ended).toMatchObject({ code: 1 })
    expect(stderr()).toContain(`${job?.id}: was removed`)
  })

  it('in a held fleet says what it waits for, and when that is over', async () => {
    await worker()
    await run(['hold', '--reason', 'maintenance'], world.env)
    const { ended, says, stderr } = start(['enqueue', '1', '--wait'], world.env)
    await says(/^.*manual.*maintenance.*$/m)
    await run(['release'], world.env)
    expect((await ended).code).toBe(0)
    expect(stderr()).toMatch(/^the hold is over: the fleet calls again$/m)
  })

  it('Ctrl-C while results are still to come ends it, saying how many and where they will be', async () => {
    const { child, ended, says, stderr } = start(['enqueue', '1', '2', '--wait'], world.env)
    await says(/enqueued 2/)
    child.kill('SIGINT')
    expect((await ended).code).toBe(130)
    expect(stderr()).toContain(
      'not shown: 2 results; they will not be on chat-results, and are kept for RESULT_KEEP_MS',
    )
  })

  it('does not wait for ever for a Redis that has gone', async () => {
    const embedded = await startEmbeddedRedis()
    const redis = new Redis(embedded.url, { protocol: 2 })
    redis.on('error', () => {})
    try {
      const { ended, says, stderr } = start(['enqueue', '1', '--wait'], { REDIS_URL: embedded.url })
      await says(/enqueued 1/)
      process.kill(embedded.pid, 'SIGKILL')
      expect((await ended).code).toBe(1)
      expect(stderr()).toContain('not shown: 1 result; it will not be on chat-results, and is kept for RESULT_KEEP_MS')
      expect(stderr()).toMatch(/error: REDIS_URL: expected a Redis that answers at/)
    } finally {
      redis.disconnect()
      await embedded.stop()
    }
  })
})
