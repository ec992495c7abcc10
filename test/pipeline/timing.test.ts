import { describe, expect, it } from 'vitest'
import type { Result } from '../../src/domain/result.ts'
import { run } from '../support/in-process.ts'
import { sumOfMetric } from '../support/metrics.ts'
import { startWorker } from '../support/processes.ts'
import { useConsumer, useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'

const world = useWorld()
const consumer = useConsumer(world)
const fast = { RATE_LIMIT_PER_SECOND: 'none' }
const LATENCY_MS = 200

const add = (connectionId: string, options = {}) =>
  world.queue(NAMES.lookupQueue).add('lookup', { connectionId }, options)

/** Each part is a whole number, none is negative, and together they are no more than the whole. */
function expectSound({ timing, enqueuedAt, finishedAt }: Result): void {
  const parts = Object.values(timing)
  expect(Object.keys(timing)).toEqual(['waitedMs', 'pacedMs', 'calledMs', 'delayedMs', 'heldMs'])
  for (const part of parts) expect(Number.isSafeInteger(part) && part >= 0).toBe(true)
  const endToEndMs = Date.parse(finishedAt) - Date.parse(enqueuedAt)
  expect(parts.reduce((sum, part) => sum + part, 0)).toBeLessThanOrEqual(endToEndMs + 3)
}

async function resultsOf(count: number): Promise<Result[]> {
  const results = await consumer.have(count)
  for (const result of results) expectSound(result)
  return results
}

/** Redis' clock, by which holds begin and end. A process's own may differ by some milliseconds. */
async function redisNow(): Promise<number> {
  const [seconds, micros] = await world.redis.time()
  return Number(seconds) * 1000 + Number(micros) / 1000
}

async function holdsPast(ms: number): Promise<void> {
  const startedAt = await redisNow()
  await until(`${ms} ms have gone`, async () => (await redisNow()) - startedAt > ms)
}

describe('the timing of a lookup', () => {
  it('tells its wait from its call, and a delay that its producer asked for is no wait; the metric has the sum', async () => {
    world.standIn.set({ latencyMs: LATENCY_MS })
    const { url } = await startWorker({ ...world.env, ...fast })
    await add('1', { timestamp: Date.now() - 60_000 })
    await add('2', { timestamp: Date.now() - 60_000, delay: 59_900 })
    const results = await resultsOf(2)
    const [old, due] = ['1', '2'].map((id) => results.find(({ connectionId }) => connectionId === id)?.timing)
    expect(old?.waitedMs).toBeGreaterThanOrEqual(60_000)
    expect(due?.waitedMs).toBeLessThan(50_000)
    for (const one of [old, due]) expect(one?.calledMs).toBeGreaterThanOrEqual(LATENCY_MS - 2)
    const { waitedMs = 0, calledMs = 0 } = old ?? {}
    const text = await (await fetch(`${url}/metrics`)).text()
    const seconds = (phase: string) => sumOfMetric([text], 'lookup_phase_seconds_total', [`phase="${phase}"`])
    expect(seconds('waited')).toBeCloseTo((waitedMs + (due?.waitedMs ?? 0)) / 1000, 2)
    expect(seconds('called')).toBeCloseTo((calledMs + (due?.calledMs ?? 0)) / 1000, 2)
    expect(seconds('held')).toBe(0)
  })

  it('has what it waited for its permit', async () => {
    await startWorker({ ...world.env, RATE_LIMIT_PER_SECOND: '5' })
    for (let i = 0; i < 6; i++) await add(String(i))
    const paced = (await resultsOf(6)).map(({ timing }) => timing.pacedMs)
    expect(Math.max(...paced)).toBeGreaterThan(500)
    expect(Math.min(...paced)).toBeLessThan(300)
  })

  it('adds up its attempts: calls, and the delays between them', async () => {
    world.standIn.set({ latencyMs: LATENCY_MS, answers: [{ id: 'nobody', result: null }] })
    await startWorker({ ...world.env, ...fast, NOT_FOUND_RECHECK: '300ms,200ms' })
    await add('nobody')
    const [result] = await resultsOf(1)
    expect(result).toMatchObject({ status: 'not-found', calls: 3, attempts: 3 })
    expect(result?.timing.calledMs).toBeGreaterThanOrEqual(3 * LATENCY_MS - 5)
    expect(result?.timing.delayedMs).toBe(500)
  })

  it('of one that shared a call has what that call was on the wire', async () => {
    world.standIn.set({ latencyMs: 1500 })
    await startWorker({ ...world.env, ...fast })
    await Promise.all([add('1'), add('1')])
    const shared = (await resultsOf(2)).find(({ source }) => source === 'shared')
    expect(shared).toMatchObject({ calls: 0 })
    expect(shared?.timing.calledMs).toBeGreaterThan(700)
  })

  it('tells a hold from the wait, also when the worker that takes it up started after that, and one that it had in hand', async () => {
    const first = await startWorker({ ...world.env, ...fast })
    await run(['hold', '--reason', 'maintenance'], world.env)
    // Else it may take the lookup up, and its first moments are a wait for the permit.
    await until('the worker knows of the hold', () => first.log().includes('the fleet holds its calls'))
    await add('1', { timestamp: Math.floor(await redisNow()) })
    await holdsPast(1000)
    await first.kill('SIGKILL')
    await run(['release'], world.env)
    await holdsPast(300)
    await startWorker({ ...world.env, ...fast })
    const [result] = await resultsOf(1)
    expect(result?.timing.heldMs).toBeGreaterThanOrEqual(1000)
    expect(result?.timing.waitedMs).toBeGreaterThanOrEqual(300)
    const heldMs = result?.timing.heldMs ?? 0
    await add('2', { timestamp: Date.now() - 60_000 }) // was there before the hold began
    const other = (await resultsOf(2)).find(({ connectionId }) => connectionId === '2')
    expect(other?.timing.heldMs).toBeGreaterThanOrEqual(heldMs) // it waited from the beginning of the hold
    expect(other?.timing.heldMs).toBeLessThan(50_000)
    expect(other?.timing.waitedMs).toBeGreaterThan(50_000)
  })
})
