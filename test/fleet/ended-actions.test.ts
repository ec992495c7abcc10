import type { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { readDeadLetters } from '../../src/fleet/dead-letters.ts'
import { EndedActions, type EndedRequest } from '../../src/fleet/ended-actions.ts'
import { FleetControl } from '../../src/fleet/fleet-control.ts'
import { Selected, type WalkPoint } from '../../src/fleet/selected.ts'
import { readStatus } from '../../src/fleet/status.ts'
import { Holds } from '../../src/gate/holds.ts'
import { openQueue } from '../../src/queues/lookup-queue.ts'
import { singleRedis } from '../../src/redis/connections.ts'
import { gateKeys, serviceOf } from '../../src/redis/names.ts'
import { addDeadLetters } from '../support/dead-letters.ts'
import { connect } from '../support/queues.ts'
import { NAMES, until } from '../support/world.ts'

const ENDPOINT = 'http://service.example/'
const RATE = { ratePerSecond: 10_000 }
const REQUEST: EndedRequest = { action: 'redrive', who: 'o@h', selection: { state: 'dead' }, lookupIds: null }

let embedded: EmbeddedRedis
let redis: Redis
let queue: Queue
let results: Queue
let actions: EndedActions
let holds: Holds

beforeAll(async () => {
  embedded = await startEmbeddedRedis()
  redis = connect(embedded.url)
  queue = openQueue(NAMES.lookupQueue, redis, NAMES)
  results = openQueue(NAMES.resultQueue, redis, NAMES)
  holds = new Holds(redis, gateKeys(NAMES, serviceOf(ENDPOINT)))
  actions = new EndedActions(
    redis,
    NAMES,
    { resultBacklogLimit: 3 },
    {
      control: () => FleetControl.of(redis, NAMES, ENDPOINT),
      status: () => readStatus(redis, { ...singleRedis(embedded.url), ...NAMES, soapEndpoint: ENDPOINT }),
    },
  )
})
afterAll(async () => {
  redis.disconnect()
  await embedded.stop()
})
beforeEach(() => redis.flushall())

const dead = () => redis.zcard(queue.toKey('failed'))
const waiting = () => redis.llen(queue.toKey('wait'))

/** Runs until it says what it waits for. */
async function untilItWaits(request: EndedRequest): Promise<string> {
  const stop = new AbortController()
  let waits = ''
  const onProgress = ({ waitsFor }: { waitsFor: string | null }) => {
    waits = waitsFor ?? waits
  }
  const run = actions.run(request, { ...RATE, signal: stop.signal, onProgress }).catch(() => {})
  await until('it waits', () => waits !== '')
  stop.abort()
  await run
  return waits
}

describe('a redrive while the fleet holds', () => {
  it('for what some of them failed with is refused; not for another cause, nor where it is forced', async () => {
    await addDeadLetters(redis, queue, 5)
    await holds.begin('service', 'no call answered', 60_000)
    expect(await actions.plan(REQUEST, RATE)).toMatchObject({
      count: 5,
      refused: expect.stringContaining(
        'the fleet is held for what some of them failed with (service: no call answered)',
      ),
    })
    expect((await actions.plan({ ...REQUEST, force: true }, RATE)).refused).toBeNull()
    expect(await actions.plan({ ...REQUEST, lookupIds: ['d-0'] }, RATE)).toMatchObject({ count: 1, refused: null })
    await holds.end('service')
    await holds.begin('quota', 'all calls are spent', 60_000)
    expect((await actions.plan(REQUEST, RATE)).refused).toBeNull()
    expect(await dead()).toBe(5)
  })

  it('waits for its end, unless it is forced', async () => {
    await addDeadLetters(redis, queue, 5)
    await holds.begin('manual', 'maintenance', 60_000)
    expect(await untilItWaits(REQUEST)).toBe('the fleet is held (manual: maintenance)')
    expect(await dead()).toBe(5)
    expect(await actions.run({ ...REQUEST, force: true }, RATE)).toMatchObject({ done: 5 })
    expect(await waiting()).toBe(5)
  })
})

describe('a redrive while results pile up', () => {
  it('waits, also forced and where no worker runs that would hold; a drop does not', async () => {
    await addDeadLetters(redis, queue, 2)
    for (const id of ['1', '2', '3']) await results.add('result', {}, { jobId: `rs-${id}` })
    const why = '3 results wait to be consumed, and RESULT_BACKLOG_LIMIT is 3: start their consumer'
    expect(await untilItWaits(REQUEST)).toBe(why)
    expect(await untilItWaits({ ...REQUEST, force: true })).toBe(why)
    expect(await actions.run({ ...REQUEST, action: 'drop', lookupIds: ['d-0'] }, RATE)).toMatchObject({ done: 1 })
    expect(await dead()).toBe(1)
    await redis.lpop(results.toKey('wait'))
    expect(await actions.run(REQUEST, RATE)).toMatchObject({ done: 1 })
  })
})

describe('the groups of 20,000 dead letters', () => {
  it('count each, and no step takes 5 ms of Redis', async () => {
    await addDeadLetters(redis, queue, 20_000)
    const { groups, looked } = await readDeadLetters(new Selected(redis, NAMES, { state: 'dead' }))
    expect(looked).toBe(20_000)
    expect(groups).toMatchObject([{ failure: 'soap-fault', fault: 'Server', count: 20_000, failedAgain: 0 }])
    expect(await slowSteps()).toBe(0)
  }, 180_000)
})

/** A machine that is busy stops Redis in the middle of a step; not in the same one five times. */
const TRIES = 5

/** How many steps of a walk over the dead letters keep Redis busy for 5 ms or more, whenever they are made. */
async function slowSteps(): Promise<number> {
  await redis.config('SET', 'slowlog-log-slower-than', '5000')
  const selected = new Selected(redis, NAMES, { state: 'dead' })
  let slow = 0
  for (let point: WalkPoint | null = await selected.start(); point; ) {
    let next: WalkPoint | null = null
    let isSlow = true
    for (let tries = 0; isSlow && tries < TRIES; tries++) {
      await redis.slowlog('RESET')
      next = (await selected.step(point)).next
      isSlow = Number(await redis.slowlog('LEN')) > 0
    }
    if (isSlow) slow++
    point = next
  }
  return slow
}
