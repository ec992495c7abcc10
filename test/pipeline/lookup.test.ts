import { describe, expect, it } from 'vitest'
import { readFinished } from '../../src/queues/finished-lookups.ts'
import { stateOf } from '../support/finished.ts'
import { startWorker } from '../support/processes.ts'
import { useConsumer, useWorld } from '../support/use-world.ts'
import { consume, NAMES, until } from '../support/world.ts'

const world = useWorld()
const consumer = useConsumer(world)

const fast = { RATE_LIMIT_PER_SECOND: 'none' }

describe('a lookup', () => {
  it('of any BullMQ producer, with its defaults and nothing of ours, is enriched', async () => {
    await startWorker({ ...world.env, ...fast })
    const job = await world.queue(NAMES.lookupQueue).add('lookup', { connectionId: '12345' })
    const [result] = await consumer.have(1)
    expect(result).toMatchObject({
      version: 1,
      lookupId: job.id,
      connectionId: '12345',
      correlationId: null,
      producer: null,
      metadata: null,
      status: 'enriched',
      response: { code: 0 },
      failure: null,
      calls: 1,
      attempts: 1,
      source: 'service',
      redrive: 0,
    })
    expect(result?.chatRequest?.idRequest).toBeGreaterThan(0)
    expect(Date.parse(result?.finishedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(result?.enqueuedAt ?? ''))
  })

  it('that somebody waits for has its result kept by its id, whatever it came to, and none on the result queue', async () => {
    world.standIn.set({ answers: [{ id: 'nobody', result: null }] })
    await startWorker({ ...world.env, ...fast })
    const queue = world.queue(NAMES.lookupQueue)
    const lookups = [
      { connectionId: '1', deliver: 'wait' },
      { connectionId: 'nobody', deliver: 'wait' },
      { connectionId: '', deliver: 'wait' }, // invalid
      { connectionId: 'old', deliver: 'wait', expiresAt: '2020-01-01T00:00:00Z' },
      { connectionId: '2', producer: 'My CRM', deliver: 'someday' }, // invalid, and it does not say that somebody waits
      { connectionId: '3', deliver: 'queue' },
      { connectionId: '4', deliver: null },
    ]
    await queue.addBulk(lookups.map((data) => ({ name: 'lookup', data })))
    const queued = await consumer.have(3)
    expect(queued.map(({ connectionId, status }) => `${connectionId} ${status}`).sort()).toEqual([
      '2 invalid',
      '3 enriched',
      '4 enriched',
    ])
    expect(queued.find(({ status }) => status === 'invalid')?.failure?.message).toMatch(
      /^producer: expected a name of 1 to 64 characters of A-Z a-z 0-9 \. _ -, got a string of 6 characters$/,
    )
    expect(queued.map(({ producer }) => producer).sort()).toEqual(['My CRM', null, null])
    const keys = () => world.redis.keys('bull:chat-enricher:result:*')
    await until('four are kept', async () => (await keys()).length === 4)
    const kept = (await world.redis.mget(await keys())).map((text) => JSON.parse(text ?? ''))
    expect(kept.map(({ connectionId, status }) => `${connectionId} ${status}`).sort()).toEqual([
      ' invalid',
      '1 enriched',
      'nobody not-found',
      'old failed',
    ])
    for (const key of await keys()) expect(await world.redis.pttl(key)).toBeGreaterThan(500_000)
    expect(consumer.results).toHaveLength(3)
  })

  it('may take five minutes for a call: its lock is longer, and is renewed', async () => {
    world.standIn.set({ latencyMs: 600_000 })
    await startWorker({ ...world.env, ...fast, SOAP_CALL_TIMEOUT_MS: '300000', SHUTDOWN_TIMEOUT_MS: '0' })
    const { id } = await world.queue(NAMES.lookupQueue).add('lookup', { connectionId: 'slow' })
    await until('it is asked for', () => world.standIn.requests.count('slow') === 1)
    // The deadline of the attempt is 315 s.
    expect(await world.redis.pttl(`bull:${NAMES.lookupQueue}:${id}:lock`)).toBeGreaterThan(315_000)
  })

  it('brings back what its producer sent along, and is asked with exactly its id', async () => {
    await startWorker({ ...world.env, ...fast })
    const connectionId = '  a&b <ç> "é" 😀 \'x\' ]]> '
    const data = {
      connectionId,
      correlationId: 'order 7',
      producer: 'crm.EU_1-b',
      metadata: { from: 'CRM', n: [1, null] },
    }
    await world.queue(NAMES.interactiveQueue).add('lookup', data, { jobId: 'my-own-id' })
    const [result] = await consumer.have(1)
    expect(result).toMatchObject({ ...data, lookupId: 'my-own-id', status: 'enriched' })
    expect(world.standIn.requests.all()[0]?.id).toBe(connectionId)
  })

  it('keeps nothing of the customer with it, and its options are not obeyed where they are ours', async () => {
    await startWorker({ ...world.env, ...fast })
    const queue = world.queue(NAMES.lookupQueue)
    const job = await queue.add('lookup', { connectionId: '1' }, { removeOnComplete: true, attempts: 7, backoff: 5 })
    const [result] = await consumer.have(1)
    const id = job.id ?? ''
    await until('the job has completed', async () => (await stateOf(world.redis, id)) === 'completed')
    const stored = (await readFinished(world.redis, NAMES, NAMES.lookupQueue, [id])).get(id)
    const ended = { status: 'enriched', times: expect.any(Array) }
    expect(JSON.parse(stored?.returnvalue ?? '')).toEqual(ended)
    const everything = JSON.stringify([stored, await world.redis.xrange(`bull:${NAMES.lookupQueue}:events`, '-', '+')])
    expect(everything).not.toContain(result?.chatRequest?.userEmail ?? 'no e-mail')
    expect(everything).not.toContain(result?.chatRequest?.userLastName ?? 'no name')
  })

  it.each([
    ['', {}, {}],
    [', and no call is shared', {}, { COALESCE: 'false' }],
    [', expired by now', { expiresAt: '2020-01-01T00:00:00Z' }, {}],
    [', and is none', { connectionId: 7 }, {}],
  ])('added again under an id that has had its result%s: gets no second one, and no call', async (_, more, env) => {
    await startWorker({ ...world.env, ...fast, ...env })
    const queue = world.queue(NAMES.lookupQueue)
    await queue.add('lookup', { connectionId: '1' }, { jobId: 'again' })
    await consumer.have(1)
    await until('it is finished', async () => (await stateOf(world.redis, 'again')) === 'completed')
    await queue.add('lookup', { connectionId: '1', ...more }, { jobId: 'again' })
    await until('it is finished again', async () => (await stateOf(world.redis, 'again')) === 'completed')
    expect(consumer.results).toHaveLength(1)
    expect(world.standIn.requests.count('1')).toBe(1)
  })

  it("numbered by BullMQ is told apart from those of the same number: another queue's, or from before a clean slate", async () => {
    await startWorker({ ...world.env, ...fast })
    await consumer.close()
    await world.queue(NAMES.lookupQueue).add('lookup', { connectionId: 'first' })
    await world.queue(NAMES.interactiveQueue).add('lookup', { connectionId: 'second' })
    const results = world.queue(NAMES.resultQueue)
    await until('both have a result', async () => (await results.getWaitingCount()) === 2)
    await world.queue(NAMES.lookupQueue).obliterate({ force: true })
    await world.queue(NAMES.lookupQueue).add('lookup', { connectionId: 'third' })
    await until('the third has one, too', async () => (await results.getWaitingCount()) === 3)
    const late = consume(world)
    const all = await late.have(3)
    await late.close()
    expect(all.map(({ connectionId }) => connectionId).sort()).toEqual(['first', 'second', 'third'])
    expect(all.every(({ lookupId }) => lookupId === '1')).toBe(true)
  })

  it('that nobody answers before its time is up fails as expired, and is a dead letter', async () => {
    await startWorker({ ...world.env, ...fast })
    const queue = world.queue(NAMES.lookupQueue)
    await queue.add('lookup', { connectionId: '1', expiresAt: '2020-01-01T00:00:00Z' }, { jobId: 'late' })
    const [result] = await consumer.have(1)
    expect(result).toMatchObject({ status: 'failed', failure: { code: 'expired' }, calls: 0, attempts: 0 })
    await until('it is a dead letter', async () => (await queue.getJobState('late')) === 'failed')
    expect(world.standIn.requests.all()).toHaveLength(0)
  })
})

describe('what is no lookup', () => {
  const malformed: [string, string, unknown][] = [
    ['no data', 'lookup', undefined],
    ['null', 'lookup', null],
    ['an array', 'lookup', ['12345']],
    ['a text', 'lookup', '12345'],
    ['no id', 'lookup', { connectionID: '12345' }],
    ['a number as id', 'lookup', { connectionId: 12345 }],
    ['an empty id', 'lookup', { connectionId: '' }],
    ['an id of 100 kB', 'lookup', { connectionId: 'x'.repeat(100_000) }],
    ['control characters', 'lookup', { connectionId: 'a\u0000b\r\n' }],
    ['a lone surrogate', 'lookup', { connectionId: 'a\ud800' }],
    ['another job name', 'look-up', { connectionId: '12345' }],
    ['a job name that may be data', '12345', { connectionId: '12345' }],
    ['metadata that is too large', 'lookup', { connectionId: '1', metadata: { x: 'y'.repeat(5000) } }],
    ['a date that is none', 'lookup', { connectionId: '1', expiresAt: 'tomorrow' }],
  ]

  it('gets one invalid result each, makes no call, and disturbs no lookup beside it', async () => {
    await startWorker({ ...world.env, ...fast })
    const queue = world.queue(NAMES.lookupQueue)
    const ids = new Map<string, string>()
    for (const [index, [what, name, data]] of malformed.entries()) {
      await queue.add('lookup', { connectionId: `healthy${index}` })
      const job = await queue.add(name, data)
      ids.set(what, job.id ?? '')
    }
    await consumer.have(malformed.length * 2)
    for (const [what, id] of ids) {
      const results = consumer.of(id)
      expect(results, what).toHaveLength(1)
      expect(results[0], what).toMatchObject({ status: 'invalid', failure: { code: 'invalid' }, calls: 0 })
      expect((results[0]?.connectionId ?? '').length, what).toBeLessThanOrEqual(256)
    }
    const toldOf = (what: string) => consumer.of(ids.get(what) ?? '')[0]?.failure?.message
    expect(toldOf('another job name')).toBe('job name: expected lookup, got look-up')
    expect(toldOf('a job name that may be data')).toBe('job name: expected lookup, got a name that is not shown')
    const asked = world.standIn.requests.all().map(({ id }) => id)
    expect(asked.sort()).toEqual(malformed.map((_, index) => `healthy${index}`).sort())
  })

  it('is an id on the list without a job, and that disturbs nobody either', async () => {
    const { url } = await startWorker({ ...world.env, ...fast })
    await world.redis.lpush(`bull:${NAMES.lookupQueue}:wait`, 'ghost')
    await world.queue(NAMES.lookupQueue).add('lookup', { connectionId: 'healthy' })
    await consumer.have(2)
    expect(consumer.of('ghost')).toMatchObject([{ status: 'invalid', calls: 0 }])
    // It cannot say when it was enqueued, which must not make the fleet look 56 years late.
    const metrics = await (await fetch(`${url}/metrics`)).text()
    expect(Number(/lookup_end_to_end_seconds_sum (.+)/.exec(metrics)?.[1])).toBeLessThan(3600)
    expect(consumer.results.filter(({ status }) => status === 'enriched')).toHaveLength(1)
  })

  it('is a job written by hand whose data or options are no JSON: one invalid result, and it is gone', async () => {
    const first = await startWorker({ ...world.env, ...fast })
    const queue = `bull:${NAMES.lookupQueue}`
    const timestamp = String(Date.now())
    await world.redis.hset(`${queue}:bad-data`, { name: 'lookup', data: '{"connectionId":', opts: '{}', timestamp })
    await world.redis.hset(`${queue}:bad-opts`, { name: 'lookup', data: '{}', opts: 'null', timestamp })
    await world.redis.lpush(`${queue}:wait`, 'bad-data', 'bad-opts')
    for (let i = 0; i < 20; i++) await world.queue(NAMES.lookupQueue).add('lookup', { connectionId: 'healthy' })
    await until('both are taken from the list', async () => (await world.redis.llen(`${queue}:wait`)) === 0)
    await consumer.have(20)
    await first.kill('SIGTERM')
    await startWorker({ ...world.env, ...fast }) // upkeep is every 20 s, and when a worker starts
    await consumer.have(22, 15_000)
    for (const id of ['bad-data', 'bad-opts']) {
      expect(consumer.of(id)).toMatchObject([
        { status: 'invalid', failure: { code: 'invalid' }, calls: 0, attempts: 0 },
      ])
      await until('it is gone', async () => (await world.redis.exists(`${queue}:${id}`)) === 0)
    }
    expect(await world.redis.llen(`${queue}:active`)).toBe(0)
    expect(consumer.results.filter(({ status }) => status === 'enriched')).toHaveLength(20)
  })
})
