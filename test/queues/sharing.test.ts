import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import type { CallEnd, Outcome } from '../../src/domain/call-end.ts'
import type { LookupEvent } from '../../src/domain/event.ts'
import type { Failure } from '../../src/domain/failure.ts'
import { Held } from '../../src/domain/hold.ts'
import type { Lane } from '../../src/domain/lane.ts'
import { SharedCalls } from '../../src/queues/shared-calls.ts'
import { CallSharing, type SharedCall } from '../../src/worker/call-sharing.ts'
import { connect, identityOf, publisher, resultFor } from '../support/queues.ts'
import { NAMES, until } from '../support/world.ts'

const FOUND: Outcome = { status: 'enriched', response: null, chatRequest: null }
const NOT_FOUND: Outcome = { status: 'not-found', response: null, chatRequest: null }
const FAILURE: Failure = { code: 'network', class: 'transient', reason: 'reset', message: 'reset' }

let embedded: EmbeddedRedis
let redis: Redis
const connections: Redis[] = []

beforeAll(async () => {
  embedded = await startEmbeddedRedis()
  redis = connect(embedded.url)
})
afterAll(async () => {
  redis.disconnect()
  await embedded.stop()
})
beforeEach(async () => {
  await redis.flushall()
})
afterEach(() => {
  for (const connection of connections.splice(0)) connection.disconnect()
})

interface Settings {
  leaseMs?: number
  cacheTtlMs?: number
  asker?: () => string
}

function sharedCalls({ leaseMs = 60_000, cacheTtlMs = 0, asker = () => 'asker' }: Settings = {}): SharedCalls {
  const connection = connect(embedded.url)
  connections.push(connection)
  return new SharedCalls(connection, NAMES, asker, { leaseMs, cacheTtlMs })
}

/** The sharing of one process, and what it told. */
function process(settings?: Settings) {
  const events: LookupEvent[] = []
  return { events, sharing: new CallSharing(sharedCalls(settings), (event) => void events.push(event)) }
}
type Process = ReturnType<typeof process>

/** A service that answers each call when it is told to. */
function service() {
  const calls: { answer(outcome: Outcome): void; fail(failure: Failure): void; stop(reason: Error): void }[] = []
  const call = () =>
    new Promise<CallEnd>((resolve, reject) => {
      calls.push({
        answer: (outcome) => resolve({ outcome }),
        fail: (failure) => resolve({ failure, record: null }),
        stop: reject,
      })
    })
  const called = (count: number) => until(`${count} calls were made`, () => calls.length >= count)
  return { calls, call, called }
}

let made = 0
const newLookup = () => identityOf(`l${made++}`)

/** A lookup that was enqueued this long ago, ms. It has met those of its own process when this returns. */
function share(
  of: Process,
  call: () => Promise<CallEnd>,
  { lookup = newLookup(), lane = 'batch' as Lane, ageMs = 0, signal = new AbortController().signal } = {},
): Promise<SharedCall> {
  const sharer = { lookup, lane, connectionId: 'c', askedAt: Date.now() - ageMs }
  const answer = of.sharing.share(sharer, { signal, wireMs: 7 }, call)
  answer.catch(() => {}) // looked at later
  return answer
}

/** Somebody waits for the call of another process. */
const followed = () =>
  until('somebody follows', async () => {
    const keys = await redis.keys('*:call:*')
    return (await Promise.all(keys.map((key) => redis.hget(key, 'followed')))).includes('1')
  })

const sources = (answers: SharedCall[]) => answers.map(({ source }) => source).sort()

describe('lookups of one connection id that overlap in one process', () => {
  it('share one call, each with its own answer', async () => {
    const one = process()
    const { calls, call, called } = service()
    const asked = Array.from({ length: 5 }, () => share(one, call))
    await called(1)
    calls[0]?.answer(FOUND)
    const answers = await Promise.all(asked)
    expect(calls).toHaveLength(1)
    expect(sources(answers)).toEqual(['service', 'shared', 'shared', 'shared', 'shared'])
    for (const { end } of answers) expect(end).toEqual({ outcome: FOUND })
    expect(one.events).toEqual(Array(4).fill({ type: 'call-shared', source: 'shared' }))
  })

  it('share its failure, and do not all call on their own', async () => {
    const one = process()
    const { calls, call, called } = service()
    const asked = Array.from({ length: 5 }, () => share(one, call))
    await called(1)
    calls[0]?.fail(FAILURE)
    for (const { end } of await Promise.all(asked)) expect(end).toEqual({ failure: FAILURE, record: null })
    expect(calls).toHaveLength(1)
  })

  it('go on when the one who calls is stopped: one of them calls, and the others share that', async () => {
    const one = process()
    const { calls, call, called } = service()
    const asked = Array.from({ length: 4 }, () => share(one, call))
    await called(1)
    const shutdown = new Error('shutdown')
    calls[0]?.stop(shutdown)
    await called(2)
    calls[1]?.answer(FOUND)
    const ends = await Promise.allSettled(asked)
    expect(ends.filter(({ status }) => status === 'rejected')).toEqual([{ status: 'rejected', reason: shutdown }])
    expect(sources(ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : [])))).toEqual([
      'service',
      'shared',
      'shared',
    ])
    expect(calls).toHaveLength(2)
  })

  it('need not wait for it when they are stopped themselves', async () => {
    const one = process()
    const { calls, call, called } = service()
    const first = share(one, call)
    await called(1)
    const stop = new AbortController()
    const second = share(one, call, { signal: stop.signal })
    stop.abort(new Error('stopped'))
    await expect(second).rejects.toThrow('stopped')
    calls[0]?.answer(FOUND)
    expect((await first).source).toBe('service')
  })
})

describe('lookups of one connection id that would not be answered the same', () => {
  it('share no call and no answer: with other credentials the service may say something else', async () => {
    const one = process({ asker: () => 'right', cacheTtlMs: 60_000 })
    const other = process({ asker: () => 'refused', cacheTtlMs: 60_000 })
    const { calls, call, called } = service()
    const asked = [share(one, call), share(other, call)]
    await called(2)
    calls[0]?.answer(FOUND)
    calls[1]?.answer(NOT_FOUND)
    const ends = (await Promise.all(asked)).map(({ end, source }) => ({ end, source }))
    expect(ends).toContainEqual({ end: { outcome: FOUND }, source: 'service' })
    expect(ends).toContainEqual({ end: { outcome: NOT_FOUND }, source: 'service' })
    const third = share(process({ asker: () => 'third', cacheTtlMs: 60_000 }), call)
    await called(3)
    calls[2]?.answer(FOUND)
    expect((await third).source).toBe('service')
  })

  it('call on their own in one process, too, from the moment at which its credentials change', async () => {
    let credentials = 'old'
    const one = process({ asker: () => credentials })
    const { calls, call, called } = service()
    const before = share(one, call)
    await called(1)
    credentials = 'new'
    const after = share(one, call)
    await called(2)
    calls[0]?.answer(NOT_FOUND)
    calls[1]?.answer(FOUND)
    expect((await before).end).toEqual({ outcome: NOT_FOUND })
    expect((await after).end).toEqual({ outcome: FOUND })
    await until('no call is left behind', async () => (await redis.keys('*:call:*')).length === 0)
  })
})

describe('lookups of one connection id that overlap in several processes', () => {
  it('share one call', async () => {
    const fleet = [process(), process(), process()]
    const { calls, call, called } = service()
    const asked = [share(fleet[0] as Process, call)]
    await called(1)
    for (const of of fleet) for (let i = 0; i < 2; i++) asked.push(share(of, call, { ageMs: 60_000 }))
    await followed()
    calls[0]?.answer(FOUND)
    const answers = await Promise.all(asked)
    expect(calls).toHaveLength(1)
    expect(sources(answers)).toEqual(['service', ...Array(6).fill('shared')])
  })

  it('share its failure', async () => {
    const { calls, call, called } = service()
    const first = share(process(), call)
    await called(1)
    const second = share(process(), call)
    await followed()
    calls[0]?.fail(FAILURE)
    for (const { end } of await Promise.all([first, second])) expect(end).toEqual({ failure: FAILURE, record: null })
    expect(calls).toHaveLength(1)
  })

  it('do not share a failure with those who come after it: they ask again', async () => {
    const { calls, call, called } = service()
    const first = share(process(), call)
    await called(1)
    const second = share(process(), call)
    await followed()
    calls[0]?.fail(FAILURE)
    await Promise.allSettled([first, second])
    const third = share(process(), call, { ageMs: 60_000 })
    await called(2)
    calls[1]?.answer(FOUND)
    expect((await third).source).toBe('service')
  })

  it.each([
    ['is stopped', new Error('shutdown')],
    ['is held', new Held()],
  ])('go on when the one who calls %s', async (_, reason) => {
    const { calls, call, called } = service()
    const first = share(process(), call)
    await called(1)
    const others = [share(process(), call), share(process(), call)]
    await followed()
    calls[0]?.stop(reason)
    await expect(first).rejects.toBe(reason)
    await called(2)
    await followed()
    calls[1]?.answer(FOUND)
    expect(sources(await Promise.all(others))).toEqual(['service', 'shared'])
    expect(calls).toHaveLength(2)
  })

  it('go on when the process of the one who calls died', async () => {
    const dead = sharedCalls({ leaseMs: 300 })
    const since = performance.now()
    expect(await dead.join({ lookup: newLookup(), lane: 'batch', connectionId: 'c', askedAt: 1 }, '')).toMatchObject({
      is: 'leader',
    })
    const { calls, call, called } = service()
    const asked = share(process(), call)
    await called(1)
    expect(performance.now() - since).toBeGreaterThanOrEqual(295)
    calls[0]?.answer(FOUND)
    expect((await asked).source).toBe('service')
  })

  it('wait for a call that takes longer than the dead are waited for', async () => {
    const { calls, call, called } = service()
    const first = share(process({ leaseMs: 3000 }), call)
    await called(1)
    const second = share(process({ leaseMs: 3000 }), call)
    await sleep(4000)
    expect(calls).toHaveLength(1)
    calls[0]?.answer(FOUND)
    expect(sources(await Promise.all([first, second]))).toEqual(['service', 'shared'])
  })

  it('do not make a person wait for the turn of a batch lookup', async () => {
    const one = process()
    const { calls, call, called } = service()
    const batch = share(one, call)
    await called(1)
    const interactive = [share(one, call, { lane: 'interactive' }), share(process(), call, { lane: 'interactive' })]
    await called(2)
    await followed()
    calls[1]?.answer(FOUND)
    expect(sources(await Promise.all(interactive))).toEqual(['service', 'shared'])
    calls[0]?.answer(FOUND)
    expect((await batch).source).toBe('service')
  })
})

describe('a lookup that comes when the call is over', () => {
  async function answeredAndFollowed(outcome: Outcome = FOUND, settings?: Settings) {
    const { calls, call, called } = service()
    const first = share(process(settings), call, { ageMs: 5 })
    await called(1)
    const second = share(process(settings), call)
    await followed()
    calls[0]?.answer(outcome)
    await Promise.all([first, second])
    return { calls, call, called }
  }

  it('but was enqueued before it began shares it: a call of its own would say nothing newer', async () => {
    const { calls, call } = await answeredAndFollowed()
    expect((await share(process(), call, { ageMs: 60_000 })).source).toBe('shared')
    expect(calls).toHaveLength(1)
  })

  it('and was enqueued after it began makes its own', async () => {
    const { calls, call, called } = await answeredAndFollowed()
    const own = share(process(), call)
    await called(2)
    calls[1]?.answer(NOT_FOUND)
    expect(await own).toEqual({ end: { outcome: NOT_FOUND }, source: 'service', wireMs: 7 })
  })

  it('and cannot say when it was enqueued makes its own', async () => {
    const { calls, called, call } = await answeredAndFollowed()
    const own = process().sharing.share(
      { lookup: newLookup(), lane: 'batch', connectionId: 'c', askedAt: 0 },
      { signal: new AbortController().signal, wireMs: 7 },
      call,
    )
    await called(2)
    calls[1]?.answer(FOUND)
    expect((await own).source).toBe('service')
  })

  it('of another connection id makes its own', async () => {
    const { calls, called, call } = await answeredAndFollowed()
    const own = process().sharing.share(
      { lookup: newLookup(), lane: 'batch', connectionId: 'd', askedAt: 1 },
      { signal: new AbortController().signal, wireMs: 7 },
      call,
    )
    await called(2)
    calls[1]?.answer(FOUND)
    expect((await own).source).toBe('service')
  })

  it('leaves nothing in Redis for good', async () => {
    await answeredAndFollowed()
    const keys = await redis.keys('*')
    expect(keys).toHaveLength(1)
    for (const key of keys) expect(await redis.pttl(key)).toBeGreaterThan(0)
  })
})

describe('a lookup that has had its result', () => {
  async function published() {
    const { results, queue, redis: own } = publisher(embedded.url)
    connections.push(own)
    const lookup = newLookup()
    expect(await results.publish(resultFor(lookup), lookup)).not.toBe('suppressed')
    await queue.close()
    return lookup
  }

  // Fails without: src/queues/shared-calls.ts: the look at the marker
  it('makes no call, and leaves no trace of one', async () => {
    const { calls, call } = service()
    await expect(share(process(), call, { lookup: await published() })).rejects.toMatchObject({ status: 'enriched' })
    expect(calls).toHaveLength(0)
    expect(await redis.keys('*:call:*')).toEqual([])
  })

  it('keeps no other of its connection id from its own', async () => {
    const one = process()
    const { calls, call, called } = service()
    const has = share(one, call, { lookup: await published() })
    const others = [share(one, call), share(one, call), share(process(), call)]
    await expect(has).rejects.toMatchObject({ status: 'enriched' })
    await called(1)
    await followed()
    calls[0]?.answer(FOUND)
    expect(sources(await Promise.all(others))).toEqual(['service', 'shared', 'shared'])
  })
})

describe('CACHE_TTL_MS', () => {
  async function once(outcome: Outcome, settings: Settings) {
    const { calls, call, called } = service()
    const first = share(process(settings), call)
    await called(1)
    calls[0]?.answer(outcome)
    await first
    await until('the call is over', async () => (await redis.keys('*:call:*')).length === 0)
    return { calls, call, called }
  }

  it('reuses a ChatRequest, in every process and lane', async () => {
    const settings = { cacheTtlMs: 60_000 }
    const { calls, call } = await once(FOUND, settings)
    const one = process(settings)
    expect(await share(one, call)).toEqual({ end: { outcome: FOUND }, source: 'cache', wireMs: 7 })
    expect((await share(one, call, { lane: 'interactive' })).source).toBe('cache')
    expect(one.events).toEqual(Array(2).fill({ type: 'call-shared', source: 'cache' }))
    expect(calls).toHaveLength(1)
    const [key = ''] = await redis.keys('*')
    expect(await redis.pttl(key)).toBeLessThanOrEqual(60_000)
  })

  it('does not reuse it for longer', async () => {
    const settings = { cacheTtlMs: 100 }
    const { calls, call, called } = await once(FOUND, settings)
    await sleep(150)
    const own = share(process(settings), call)
    await called(2)
    calls[1]?.answer(FOUND)
    expect((await own).source).toBe('service')
  })

  it.each([
    ['what was not found', NOT_FOUND, 60_000],
    ['anything when it is 0', FOUND, 0],
  ] as const)('does not reuse %s', async (_, outcome, cacheTtlMs) => {
    const { calls, call, called } = await once(outcome, { cacheTtlMs })
    const own = share(process({ cacheTtlMs }), call)
    await called(2)
    calls[1]?.answer(outcome)
    expect((await own).source).toBe('service')
  })
})
