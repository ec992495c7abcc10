import { describe, expect, it } from 'vitest'
import { readHistory } from '../../src/domain/history.ts'
import type { AnswersEntry } from '../../src/stand-in/stand-in.ts'
import { stateOf } from '../support/finished.ts'
import { startWorker, type WorkerProcess } from '../support/processes.ts'
import { CHAT, startScriptedService } from '../support/scripted-service.ts'
import { useConsumer, useWorld } from '../support/use-world.ts'
import { NAMES, until, type World } from '../support/world.ts'

const ANSWERS: AnswersEntry[] = [
  { id: 'broken', fault: { code: 'Server', string: 'Server was unable to process request.' } },
  { id: 'blamed', fault: { code: 'Client', string: 'Invalid id.' } },
]

const world = useWorld({ standIn: { answers: ANSWERS } })
const consumer = useConsumer(world)

/** Two charged attempts, with waits short enough for a test; one call an attempt, so that attempts can be counted. */
const QUICK = {
  RATE_LIMIT_PER_SECOND: 'none',
  CALL_RETRIES: '0',
  LOOKUP_ATTEMPTS: '3',
  LOOKUP_BACKOFF_MIN_MS: '20',
  LOOKUP_BACKOFF_MAX_MS: '100',
}
const start = (env: Record<string, string> = {}): Promise<WorkerProcess> =>
  startWorker({ ...world.env, ...QUICK, ...env })

const lookup = async (connectionId: string, jobId?: string) =>
  (await world.queue(NAMES.lookupQueue).add('lookup', { connectionId }, jobId ? { jobId } : {})).id ?? ''
const calls = (id?: string) => world.standIn.requests.count(id)
const isHeld = async () => (await world.redis.keys('bull:chat-enricher:fleet:*:hold')).length > 0
const state = (id: string) => world.queue(NAMES.lookupQueue).getJobState(id)
async function chargedTo(id: string): Promise<number> {
  const history = await world.redis.hget(`bull:${NAMES.lookupQueue}:${id}`, 'ce:history')
  return readHistory(history).charged
}

/** Every lookup goes wrong in this way. */
const fault = (kind: NonNullable<Parameters<World['standIn']['set']>[0]['faults']>[number], retryAfter = '1') =>
  world.standIn.set({ faultRate: 1, faults: [kind], retryAfter })
const cure = () => world.standIn.set({ faultRate: 0 })

describe('a lookup that the service cannot answer', () => {
  it('while it answers others fails after LOOKUP_ATTEMPTS, once, and is a dead letter', async () => {
    await start()
    let busy = true
    const others = (async () => {
      for (let i = 0; busy; i++) {
        await lookup(`other${i}`)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    })()
    const id = await lookup('broken', 'broken-one')
    await until('it has its result', () => consumer.of(id).length > 0)
    busy = false
    await others
    expect(consumer.of(id)).toMatchObject([
      {
        status: 'failed',
        failure: { code: 'soap-fault', soapFaultCode: 'Server', httpStatus: 500 },
        chatRequest: null,
      },
    ])
    expect(consumer.of(id)[0]?.attempts).toBe(calls('broken'))
    await until('it is a dead letter', async () => (await state(id)) === 'failed')
    expect(calls('broken')).toBeGreaterThanOrEqual(3)
    expect(calls('broken')).toBeLessThanOrEqual(5) // an attempt is free if nobody was answered in between
    expect(consumer.results.filter(({ status }) => status === 'failed')).toHaveLength(1)
  })

  it('fails in a quiet fleet, too: a probe tells whose failure it was', async () => {
    await start()
    await lookup('healthy')
    await consumer.have(1)
    const id = await lookup('broken', 'broken-one')
    await consumer.have(2)
    const [result] = consumer.of(id)
    expect(result).toMatchObject({ status: 'failed', failure: { code: 'soap-fault', soapFaultCode: 'Server' } })
    expect(calls('broken')).toBe(3)
    expect(calls('healthy')).toBe(1 + 3) // a probe for each attempt
    expect(result).toMatchObject({ calls: 6, attempts: 3 })
    await until('it is a dead letter', async () => (await state(id)) === 'failed')
  })

  it('is charged nothing while the service answers nobody, and is enriched when it is back', async () => {
    await start()
    await lookup('healthy')
    await consumer.have(1)
    world.standIn.requests.clear()
    fault('503')
    const ids = await Promise.all(['a', 'b', 'c'].map((id) => lookup(id)))
    await until('the fleet holds', isHeld)
    expect(await Promise.all(ids.map(chargedTo))).toEqual([0, 0, 0])
    expect(consumer.results).toHaveLength(1)
    cure()
    await consumer.have(4)
    expect(consumer.results.every(({ status }) => status === 'enriched')).toBe(true)
  })

  it('is charged nothing where no id was ever answered', async () => {
    await start()
    const id = await lookup('broken')
    await until('it was tried more than LOOKUP_ATTEMPTS times', () => calls('broken') > 3)
    expect(await chargedTo(id)).toBe(0)
    expect(consumer.results).toEqual([])
  })
})

describe('a service that is half down, with a backlog', () => {
  // Fails without: gate/asker.ts: #askOnce() (retries that the script refuses)
  it('gets first calls at the full pace, few repetitions, and nobody is given up', async () => {
    const [pace, count] = [60, 900]
    const service = await startScriptedService()
    try {
      let isHalfDown = true
      service.script = (_, number) => (isHalfDown && (number * 9) % 20 < 9 ? { say: 'status', status: 503 } : CHAT)
      const env = {
        SOAP_ENDPOINT: service.url,
        RATE_LIMIT_PER_SECOND: String(pace),
        CALL_RETRIES: '2',
        BREAKER_FAILURE_RATIO: '0.9',
        LOOKUP_ATTEMPTS: '5',
      }
      await world
        .queue(NAMES.lookupQueue)
        .addBulk(
          Array.from({ length: count }, (_, index) => ({ name: 'lookup', data: { connectionId: `half${index}` } })),
        )
      await Promise.all([start(env), start(env)])
      // Lookups that went back wait behind those that were not called yet, so a repetition by now is a quick retry.
      const ids = () => new Set(service.calls.map(({ id }) => id)).size
      await until('two hundred wait for their first call', () => ids() >= count - 200, 60_000)
      const calls = service.calls.slice()
      expect(1 - ids() / calls.length).toBeLessThanOrEqual(0.15)
      const seconds = ((calls.at(-1)?.at ?? 0) - (calls[0]?.at ?? 0)) / 1000
      expect(calls.length / seconds).toBeGreaterThanOrEqual(0.6 * pace) // the rest is a busy machine's
      isHalfDown = false
      const results = await consumer.have(count, 60_000)
      expect(new Set(results.map(({ lookupId }) => lookupId)).size).toBe(count)
      expect(results.every(({ status }) => status === 'enriched')).toBe(true)
    } finally {
      await service.close()
    }
  })
})

describe('a lookup that the service blames', () => {
  it('is rejected after one call', async () => {
    await start({ CALL_RETRIES: '2' })
    const id = await lookup('blamed')
    await consumer.have(1)
    expect(consumer.of(id)).toMatchObject([
      { status: 'rejected', failure: { code: 'soap-fault', soapFaultCode: 'Client' }, calls: 1, attempts: 1 },
    ])
    expect(calls()).toBe(1)
    await until('its job is done', async () => (await stateOf(world.redis, id)) === 'completed')
  })
})

describe('a service that refuses our credentials', () => {
  it('fails no lookup, and all are enriched once they are accepted', async () => {
    await start()
    fault('401')
    await Promise.all(Array.from({ length: 10 }, (_, index) => lookup(`c${index}`)))
    await until('the fleet holds', isHeld)
    expect(consumer.results).toEqual([])
    expect((await world.queue(NAMES.lookupQueue).getJobCounts('failed')).failed).toBe(0)
    cure()
    await consumer.have(10)
    expect(consumer.results.every(({ status }) => status === 'enriched')).toBe(true)
  })
})

describe('Retry-After', () => {
  it.each(['503-retry-after', '429'] as const)('with %s is obeyed by all workers', async (kind) => {
    await Promise.all([start(), start()])
    await lookup('healthy')
    await consumer.have(1)
    world.standIn.requests.clear()
    fault(kind, '3')
    await lookup('first')
    await world.standIn.requests.arrived(1)
    await until('the fleet holds', isHeld)
    const soFar = calls()
    cure()
    await Promise.all(Array.from({ length: 20 }, (_, index) => lookup(`c${index}`)))
    await consumer.have(22)
    const [told, ...later] = world.standIn.requests.all().map(({ at }) => at)
    expect(soFar).toBe(1)
    expect(Math.min(...later) - (told ?? 0)).toBeGreaterThanOrEqual(2990)
  })
})

describe('an answer that is none', () => {
  it.each([
    ['too-large', 'too-large'],
    ['dtd', 'contract'],
  ] as const)('%s is asked for once more, and fails the lookup with code %s', async (kind, code) => {
    await start({ CALL_RETRIES: '2' })
    fault(kind)
    const id = await lookup('x')
    await consumer.have(1)
    expect(consumer.of(id)).toMatchObject([{ status: 'failed', failure: { code }, calls: 2, chatRequest: null }])
    expect(calls()).toBe(2)
    await until('it is a dead letter', async () => (await state(id)) === 'failed')
  })

  it('that cannot be read is asked for again and again, and is the lookup’s own failure only if others are answered', async () => {
    await start({ LOOKUP_ATTEMPTS: '2' })
    await lookup('healthy')
    await consumer.have(1)
    fault('garbage')
    const id = await lookup('x')
    await until('it was tried more than LOOKUP_ATTEMPTS times', () => calls('x') > 2)
    expect(consumer.results).toHaveLength(1)
    expect(await chargedTo(id)).toBe(0)
    cure()
    await consumer.have(2)
    expect(consumer.of(id)).toMatchObject([{ status: 'enriched' }])
  })
})
