import { describe, expect, it } from 'vitest'
import { startWorker } from '../support/processes.ts'
import { useWorld } from '../support/use-world.ts'
import { NAMES } from '../support/world.ts'

const world = useWorld()

const RATE = 20
const ids = (count: number, name: string) => Array.from({ length: count }, (_, index) => `${name}${index}`)
const add = (queue: string, connectionIds: string[]) =>
  world.queue(queue).addBulk(connectionIds.map((connectionId) => ({ name: 'lookup', data: { connectionId } })))
const start = () => startWorker({ ...world.env, RATE_LIMIT_PER_SECOND: String(RATE) })
const called = () => world.standIn.requests.all().map(({ id }) => id ?? '')

describe('a lookup that a person waits for', () => {
  it('comes within a second’s calls, however many others wait', async () => {
    await add(NAMES.lookupQueue, ids(2000, 'batch'))
    await Promise.all([start(), start()])
    await world.standIn.requests.arrived(2 * RATE)
    for (const person of ids(3, 'person')) {
      const before = called().length
      await add(NAMES.interactiveQueue, [person])
      await expect.poll(called, { timeout: 30_000 }).toContain(person)
      // Of the calls that came in between: two seconds' worth is a slow machine, a hundred are a place in line.
      expect(called().indexOf(person) - before).toBeLessThanOrEqual(2 * RATE)
    }
  })

  it('leaves most of the pace to a backfill, also if many such wait', async () => {
    await add(NAMES.lookupQueue, ids(2000, 'batch'))
    await add(NAMES.interactiveQueue, ids(2000, 'person'))
    await Promise.all([start(), start()])
    await world.standIn.requests.arrived(8 * RATE)
    const counted = called().slice(RATE, 8 * RATE) // at the start a second's worth is booked for either
    const share = counted.filter((id) => id.startsWith('person')).length / counted.length
    expect(share).toBeGreaterThan(0.1)
    expect(share).toBeLessThan(0.35)
  })
})
