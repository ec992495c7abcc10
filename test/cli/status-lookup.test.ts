import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { readStory } from '../../src/intake/lookup-story.ts'
import { stateOf } from '../support/finished.ts'
import { run } from '../support/in-process.ts'
import { killAll, startWorker } from '../support/processes.ts'
import { useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'
import { storySchema } from './schemas.ts'

const world = useWorld({ standIn: { answers: [{ id: 'nobody', result: null }] } })

const lines = async (id: string) => (await run(['status', id], world.env)).stdout.trimEnd().split('\n')

async function storyOf(id: string) {
  return z.parse(storySchema, JSON.parse((await run(['status', id, '--json'], world.env)).stdout))
}

describe('status LOOKUP_ID', () => {
  it('of one that waits in a hold says so, and what holds', async () => {
    await world.queue(NAMES.lookupQueue).add('lookup', { connectionId: '1' }, { jobId: 'crm-1' })
    await run(['hold', '--reason', 'maintenance'], world.env)
    expect(await lines('crm-1')).toEqual([
      'crm-1 on chat-lookups: waiting',
      expect.stringMatching(/^enqueued \d{4}-\d\d-\d\dT.*Z, taken up 0 times$/),
      'no result yet: waits because the fleet holds (manual), next in line',
      expect.stringMatching(/^HELD \d+ s, manual: maintenance\. Do: chat-enricher release, when it is over\. /),
    ])
  })

  it('of one that failed and waits for its next attempt says when, why, and that it was not charged', async () => {
    const aDay = { LOOKUP_BACKOFF_MIN_MS: '86400000', LOOKUP_BACKOFF_MAX_MS: '86400000' }
    await startWorker({ ...world.env, ...aDay, CALL_RETRIES: '1' })
    world.standIn.set({ faultRate: 1, faults: ['server-fault'] })
    const queue = world.queue(NAMES.interactiveQueue)
    await queue.add('lookup', { connectionId: '1' }, { jobId: 'crm-2' })
    await until('it is to be tried again', async () => (await queue.getJobState('crm-2')) === 'delayed')
    await killAll()
    const [where, , history, failure, time, result] = await lines('crm-2')
    expect(where).toMatch(/^crm-2 on chat-lookups-interactive: delayed$/)
    expect(history).toBe('so far: 2 calls in 1 failed attempt; 0 of 1 count towards giving up')
    expect(failure).toBe(
      'last failure: soap-fault: expected an answer, got a SOAP fault of the service; SOAP fault Server, HTTP 500',
    )
    expect(time).toMatch(/^its time: .*called /)
    expect(result).toMatch(/^no result yet: delayed until \d{4}-.*Z after a failure$/)
    expect(await storyOf('crm-2')).toMatchObject({
      lookupId: 'crm-2',
      lane: 'interactive',
      state: 'delayed',
      history: { calls: 2, failures: 1, charged: 0, rechecks: 0 },
      lastFailure: { code: 'soap-fault', fault: 'Server', httpStatus: 500, responseCode: null },
      result: null,
      waits: { for: 'time', behind: null, after: 'failure' },
    })
  })

  it('of one that was not found, and is to be asked again, says so', async () => {
    await startWorker({ ...world.env, NOT_FOUND_RECHECK: '1h' })
    const queue = world.queue(NAMES.lookupQueue)
    await queue.add('lookup', { connectionId: 'nobody' }, { jobId: 'crm-3' })
    await until('it is to be asked again', async () => (await queue.getJobState('crm-3')) === 'delayed')
    expect(await lines('crm-3')).toContain('not found 1 time, to be asked again')
  })

  it('of one that is done says what became of it, and whether the result was taken', async () => {
    await startWorker(world.env)
    const queue = world.queue(NAMES.lookupQueue)
    await queue.add('lookup', { connectionId: '1' }, { jobId: 'crm-4' })
    await until('it is done', async () => (await stateOf(world.redis, 'crm-4')) === 'completed')
    expect((await lines('crm-4')).at(-1)).toMatch(
      /^finished \d{4}-.*Z: enriched, after 1 call in 1 attempt; the result waits on chat-results$/,
    )
    await run(['results', '--limit', '1'], world.env)
    expect((await lines('crm-4')).at(-1)).toMatch(
      /^finished \d{4}-.*Z: enriched, after 1 call in 1 attempt; the result has been taken from chat-results$/,
    )
    expect((await lines('crm-4')).at(-2)).toMatch(/^its time: .*called \d+ ms$/)
    expect((await storyOf('crm-4')).timing?.calledMs).toBeGreaterThan(0)
    expect(await storyOf('crm-4')).toMatchObject({ state: 'completed', result: 'enriched', resultIsThere: false })
    expect(await queue.getJob('crm-4')).toBeUndefined() // bytes for each of millions
  })

  it('of one that somebody waits for says until when its result is kept, and when it is no more', async () => {
    await startWorker(world.env)
    const queue = world.queue(NAMES.lookupQueue)
    await queue.add('lookup', { connectionId: '1', deliver: 'wait' }, { jobId: 'crm-5' })
    await until('it is done', async () => (await stateOf(world.redis, 'crm-5')) === 'completed')
    expect((await lines('crm-5')).at(-1)).toMatch(
      /^finished \d{4}-.*Z: enriched, after 1 call in 1 attempt; the result is kept until \d{4}-.*Z for whoever waits for it$/,
    )
    const { keptUntil, ...story } = await storyOf('crm-5')
    expect(story).toMatchObject({ deliver: 'wait', resultIsThere: false, result: 'enriched' })
    const leftMs = Date.parse(keptUntil as string) - Date.now()
    expect(leftMs).toBeGreaterThan(500_000)
    expect(leftMs).toBeLessThanOrEqual(600_000)
    await world.redis.del(...(await world.redis.keys('bull:chat-enricher:result:*')))
    expect((await lines('crm-5')).at(-1)).toMatch(/; the result is no longer kept for whoever waits for it$/)
    expect(await storyOf('crm-5')).toMatchObject({ keptUntil: null, end: { status: 'enriched' } })
  })

  it.each([
    ['server-fault', 'failed', 'soap-fault', { fault: 'Server', httpStatus: 500 }],
    ['client-fault', 'rejected', 'soap-fault', { fault: 'Client', httpStatus: 500 }],
  ] as const)(
    'of one that ended badly (%s) has the reason, also when the result has been taken',
    async (fault, status, code, said) => {
      const quick = { LOOKUP_ATTEMPTS: '2', LOOKUP_BACKOFF_MIN_MS: '1', LOOKUP_BACKOFF_MAX_MS: '1', CALL_RETRIES: '0' }
      await startWorker({ ...world.env, ...quick })
      const queue = world.queue(NAMES.lookupQueue)
      world.standIn.set({ faultRate: 0, rules: [{ id: '^bad$', faults: [fault] }] })
      await queue.addBulk(
        ['a', 'b', 'bad', 'c'].map((connectionId) => ({
          name: 'lookup',
          data: { connectionId },
          opts: { jobId: `crm-${connectionId}` },
        })),
      )
      const ended = status === 'failed' ? 'failed' : 'completed'
      await until('it has ended', async () => (await stateOf(world.redis, 'crm-bad')) === ended)
      const before = await storyOf('crm-bad')
      expect(before).toMatchObject({ result: status, resultIsThere: true, end: { status, code, ...said } })
      await run(['results'], world.env)
      const after = await storyOf('crm-bad')
      expect(after).toMatchObject({
        resultIsThere: false,
        end: { ...(before.end as object), finishedAt: expect.any(String) },
      })
      expect(after.timing).toEqual(before.timing)
      const { calls } = after.end as { calls: number }
      const shown = (await lines('crm-bad')).at(-1)
      expect(shown).toContain(`: ${status} (${code}: `)
      expect(shown).toContain(`after ${calls} call`)
      expect(await lines('crm-bad')).not.toContainEqual(expect.stringContaining('so far'))
      world.standIn.set({ rules: [] })
    },
  )

  it('of one that ends while it is looked at says so', async () => {
    const queue = world.queue(NAMES.interactiveQueue)
    await queue.add('lookup', { connectionId: '1' }, { jobId: 'crm-ends' })
    let hasEnded: Promise<void> | null = null
    const end = async () => {
      await startWorker(world.env)
      await until('it is done', async () => (await stateOf(world.redis, 'crm-ends')) === 'completed')
    }
    // Its job has been read by then.
    const redis = new Proxy(world.redis, {
      get(target, name) {
        if (name !== 'zscore') return Reflect.get(target, name, target)
        return async (key: string, id: string) => {
          hasEnded ??= end()
          await hasEnded
          return target.zscore(key, id)
        }
      },
    })
    const story = await readStory(redis, NAMES, 'crm-ends')
    expect(story).toMatchObject({ queue: NAMES.interactiveQueue, state: 'completed', result: 'enriched', taken: 1 })
  })

  it('of one that nobody knows says so, exit 1', async () => {
    for (const more of [[], ['--json']]) {
      const { code, stdout, stderr } = await run(['status', 'nope', ...more], world.env)
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toBe(
        'no lookup nope on chat-lookups or chat-lookups-interactive (prefix bull); a connection id is not a lookup id\n',
      )
    }
  })

  it('takes one id, exit 2 for more', async () => {
    expect((await run(['status', 'a', 'b'], world.env)).code).toBe(2)
  })
})
