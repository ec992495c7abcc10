import { describe, expect, it } from 'vitest'
import { run } from '../support/in-process.ts'
import { startWorker } from '../support/processes.ts'
import { useConsumer, useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'
import { cancelledSchema, cancelPlanSchema } from './schemas.ts'
import { start } from './started.ts'

const world = useWorld()
const consumer = useConsumer(world)
const lookups = () => world.queue(NAMES.lookupQueue)

async function addMany(count: number, producer = 'import'): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `lk-${index}`)
  for (let from = 0; from < count; from += 1000) {
    const some = ids.slice(from, from + 1000)
    await lookups().addBulk(
      some.map((jobId) => ({ name: 'lookup', data: { connectionId: jobId, producer }, opts: { jobId } })),
    )
  }
  return ids
}

describe('cancel', () => {
  it('ends those that are named, and says which it could not', async () => {
    await addMany(3)
    const { code: exit, stdout, stderr } = await run(['cancel', 'lk-0', 'lk-2', 'lk-9'], world.env)
    expect([exit, stdout, stderr]).toEqual([1, '2 lookups cancelled\n', 'lk-9: there is no such lookup\n'])
    const results = await consumer.have(2)
    expect(results.map(({ lookupId, failure }) => [lookupId, failure?.code]).sort()).toEqual([
      ['lk-0', 'cancelled'],
      ['lk-2', 'cancelled'],
    ])
    expect((await run(['cancel', 'lk-0', '--json'], world.env)).code).toBe(1)
  })

  it('says first what it would do with a selection; a script must say --yes', async () => {
    await addMany(12)
    const dry = await run(['cancel', '--producer', 'import', '--dry-run'], world.env)
    expect([dry.code, dry.stderr]).toEqual([0, ''])
    expect(dry.stdout).toMatch(
      /^12 lookups to cancel, of 12 lookups looked at\n[\s\S]*and 2 more lookups\nno calls; 1\.0 s at 100 a second\n$/,
    )
    const unasked = await run(['cancel', '--producer', 'import'], world.env)
    expect(unasked.code).toBe(2)
    expect(unasked.stderr).toContain('error: expected --yes (or --dry-run), because there is no terminal to ask')
    const named = await run(['cancel', 'lk-1', '--dry-run'], world.env)
    expect([named.code, named.stdout]).toEqual([0, expect.stringMatching(/^1 lookup to cancel, of 1 lookup looked at/)])
    const unknown = await run(['cancel', 'lk-1', 'nobody', '--dry-run', '--json'], world.env)
    expect([unknown.code, cancelPlanSchema.parse(JSON.parse(unknown.stdout)).count]).toEqual([1, 1])
    expect(unknown.stderr).toBe(
      '1 lookup of those that were named would be left as they are: status LOOKUP_ID tells why\n',
    )
    expect(await lookups().getWaitingCount()).toBe(12)
    const done = await run(['cancel', '--producer', 'import', '--yes', '--json', '--rate', '1000'], world.env)
    expect(done.code).toBe(0)
    expect(cancelledSchema.parse(JSON.parse(done.stdout))).toMatchObject({ cancelled: 12, refused: [] })
    const empty = await run(['cancel', '--producer', 'import', '--yes'], world.env)
    expect([empty.code, empty.stdout]).toEqual([0, ''])
  })

  it.each([
    [[], 'expected ids, or what to cancel, as --producer NAME or --all, got neither'],
    [['lk-1', '--all'], 'expected ids or a selection, got both'],
    [['--state', 'asleep'], '--state: expected one of waiting, delayed, active, dead, finished, got "asleep"'],
  ])('refuses %j', async (argv, problem) => {
    const { code: exit, stderr } = await run(['cancel', ...argv], world.env)
    expect([exit, stderr]).toEqual([2, `error: ${problem}\n`])
  })

  it('is in the activity, with how many, and ids as hashes', async () => {
    await addMany(3)
    await run(['cancel', 'lk-0'], world.env)
    await run(['cancel', '--connection-id', 'lk-1', '--yes'], world.env)
    const { stdout } = await run(['activity', '--json'], world.env)
    const [second, first] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(first).toMatchObject({ action: 'cancel', arguments: { named: 1 }, count: 1, state: 'done' })
    expect(second).toMatchObject({ action: 'cancel', count: 1, state: 'done' })
    expect(stdout).not.toContain('lk-')
  })

  it('gives each lookup one result, though it is killed three times while two workers run', {
    timeout: 180_000,
  }, async () => {
    const COUNT = 1500
    const ids = await addMany(COUNT)
    const env = { ...world.env, RATE_LIMIT_PER_SECOND: '50' }
    await Promise.all([startWorker(env), startWorker(env)])
    const isOf = (code: string) => consumer.results.filter(({ failure }) => failure?.code === code).length
    for (let kill = 1; kill <= 3; kill++) {
      const cancelling = start(['cancel', '--producer', 'import', '--yes', '--rate', '400'], world.env)
      const ended = isOf('cancelled')
      await until('it has cancelled some', () => isOf('cancelled') > ended + 50, 60_000)
      cancelling.child.kill('SIGKILL')
      await cancelling.ended
    }
    const last = await run(['cancel', '--producer', 'import', '--yes', '--rate', '2000'], world.env)
    expect(last.code).toBe(0)
    await consumer.have(COUNT, 60_000)
    expect(new Set(consumer.results.map(({ lookupId }) => lookupId))).toEqual(new Set(ids))
    expect(consumer.results.length).toBe(COUNT)
    const cancelled = isOf('cancelled')
    expect(cancelled).toBeGreaterThan(0)
    expect(await lookups().getFailedCount()).toBe(cancelled)
  })
})
