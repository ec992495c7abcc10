import { describe, expect, it } from 'vitest'
import { addDeadLetters } from '../support/dead-letters.ts'
import { run } from '../support/in-process.ts'
import { startWorker } from '../support/processes.ts'
import { useConsumer, useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'
import { start } from './started.ts'

const world = useWorld()
const consumer = useConsumer(world)
const queue = () => world.queue(NAMES.lookupQueue)
const call = (...args: string[]) => run(args, world.env)
const failed = () => queue().getFailedCount()
const numberIn = (text: string) => Number(/^[a-z ]+: (\d+)/.exec(text)?.[1])

describe('two operators at once', () => {
  it('put each of the same lookups back once; who was second is told so of each', async () => {
    const ids = await addDeadLetters(world.redis, queue(), 200)
    const redrive = () => call('dead-letters', 'redrive', ...ids, '--rate', '400')
    const ended = await Promise.all([redrive(), redrive()])
    const counts = ended.map(({ stdout }) => numberIn(stdout))
    expect((counts[0] ?? 0) + (counts[1] ?? 0)).toBe(200)
    expect(await queue().getWaitingCount()).toBe(200)
    for (const [index, { code, stderr }] of ended.entries()) {
      const told = stderr.match(/^d-\d+: .*put back 1 time$|^d-\d+: .*was put back by .*$/gm) ?? []
      expect(told).toHaveLength(200 - (counts[index] ?? 0))
      expect(code).toBe(counts[index] === 200 ? 0 : 1)
    }
  })

  it('one that puts back and one that cancels: no result is lost or doubled', async () => {
    const ids = await addDeadLetters(world.redis, queue(), 200)
    const [redriven, cancelled] = await Promise.all([
      call('dead-letters', 'redrive', ...ids, '--rate', '400'),
      call('cancel', ...ids, '--rate', '400', '--json'),
    ])
    expect(redriven).toMatchObject({ code: 0, stdout: 'put back: 200 lookups\n' })
    const { cancelled: count, refused } = JSON.parse(cancelled.stdout)
    expect(count + refused.length).toBe(200)
    await startWorker({ ...world.env, RATE_LIMIT_PER_SECOND: 'none' })
    await consumer.have(200)
    expect(new Set(consumer.results.map(({ lookupId }) => lookupId)).size).toBe(200)
    expect(consumer.results.every(({ redrive }) => redrive === 1)).toBe(true)
    expect(consumer.results.filter(({ failure }) => failure?.code === 'cancelled')).toHaveLength(count)
  })
})

describe('a Redis that fails in the middle of a redrive', () => {
  it('full: says so, nothing is half done, and run again it finishes', async () => {
    await addDeadLetters(world.redis, queue(), 300)
    const acting = start(['dead-letters', 'redrive', '--all', '--yes', '--rate', '100'], world.env)
    await until('some are put back', async () => (await failed()) < 280)
    await world.redis.config('SET', 'maxmemory', '1')
    const { code } = await acting.ended
    await world.redis.config('SET', 'maxmemory', '0')
    expect(code).toBe(1)
    expect(acting.stderr()).toMatch(/memory|OOM/)
    await expectNoneHalfDone(300)
    await finishes()
  })

  it('gone for good: says so; back again, it finishes', async () => {
    await addDeadLetters(world.redis, queue(), 300)
    const acting = start(['dead-letters', 'redrive', '--all', '--yes', '--rate', '100'], world.env)
    await until('some are put back', async () => (await failed()) < 280)
    // What an action that was cut off from Redis sees: no answer, on no connection.
    await world.redis.config('SET', 'maxclients', '1')
    await world.redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    const { code } = await acting.ended
    await world.redis.config('SET', 'maxclients', '10000')
    expect(code).toBe(1)
    expect(acting.stderr()).toMatch(/Redis/)
    await expectNoneHalfDone(300)
    await finishes()
  })
})

/** Each is a dead letter, or waits and is clean. */
async function expectNoneHalfDone(count: number): Promise<void> {
  const dead = await queue().getFailed()
  const waiting = await queue().getWaiting()
  expect(dead.length + waiting.length).toBe(count)
  expect(dead.length).toBeGreaterThan(0)
  for (const { failedReason, attemptsMade } of dead) expect([failedReason ?? '', attemptsMade]).not.toEqual(['', 0])
  for (const { failedReason, attemptsMade } of waiting) expect([failedReason ?? '', attemptsMade]).toEqual(['', 0])
}

async function finishes(): Promise<void> {
  const args = ['--all', '--yes', '--rate', '1000']
  expect(await call('dead-letters', 'redrive', ...args)).toMatchObject({ code: 0 })
  expect([await failed(), await queue().getWaitingCount()]).toEqual([0, 300])
}
