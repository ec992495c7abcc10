/** What the tests of one file share: a world, started once, and a consumer for each test. */

import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { CALM } from '../../src/stand-in/behaviour.ts'
import { endAll } from '../cli/started.ts'
import { killAll } from './processes.ts'
import { type Consumer, consume, startWorld, type World, type WorldOptions } from './world.ts'

/**
 * A world that is there when a test runs. Before each test its Redis is empty and its stand-in as it was at the start; after
 * each, every process that the test started is gone.
 */
export function useWorld(options: WorldOptions = {}): World {
  const world = {} as World
  beforeAll(async () => {
    Object.assign(world, await startWorld(options))
  })
  beforeEach(async () => {
    await world.redis.flushall()
    world.standIn.set({ ...CALM, credentials: null, answers: [], ...options.standIn })
    world.standIn.requests.clear()
  })
  afterEach(() => Promise.all([endAll(), killAll()]))
  afterAll(() => world.close())
  return world
}

/** A consumer for each test. Ask for it after the world: what came last is closed first. */
export function useConsumer(world: World): Consumer {
  const consumer = {} as Consumer
  beforeEach(() => {
    Object.assign(consumer, consume(world))
  })
  afterEach(() => consumer.close())
  return consumer
}
