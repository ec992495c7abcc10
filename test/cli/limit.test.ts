import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { finishedCount } from '../support/finished.ts'
import { run } from '../support/in-process.ts'
import { startWorker } from '../support/processes.ts'
import { useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'
import { limitSchema } from './schemas.ts'

const world = useWorld()

async function limits(): Promise<z.infer<typeof limitSchema>> {
  return z.parse(limitSchema, JSON.parse((await run(['limit', '--json'], world.env)).stdout))
}

describe('limit', () => {
  it('shows what workers keep to by themselves, and says so where none runs', async () => {
    const none = await run(['limit'], world.env)
    expect({ code: none.code, stderr: none.stderr }).toEqual({ code: 0, stderr: '' })
    expect(none.stdout).toMatch(/│ rate +│ no worker runs +│ workers' environment +│/)
    const { pid } = await startWorker({ ...world.env, RATE_LIMIT_PER_SECOND: '70', MAX_CALLS_IN_FLIGHT: '9' })
    await startWorker({ ...world.env, RATE_LIMIT_PER_SECOND: 'none', MAX_CALLS_IN_FLIGHT: '9' })
    const { stdout } = await run(['limit'], world.env)
    expect(stdout).toMatch(/│ rate +│ (70 calls\/s or none|none or 70 calls\/s) +│ workers' environment +│/)
    expect(stdout).toMatch(/│ burst +│ 1 call +│/)
    expect(stdout).toMatch(/│ in flight +│ 9 calls +│/)
    const { set, workers } = await limits()
    expect(set).toEqual({})
    expect(workers).toHaveLength(2)
    expect(workers.find((worker) => worker.pid === pid)).toMatchObject({ rate: 70, burst: 1, inFlight: 9 })
  })

  it('sets some for all, shows them with status, and resets them', async () => {
    const { stdout } = await run(['limit', '--rate', '20', '--in-flight', 'none'], world.env)
    expect(stdout).toMatch(/│ rate +│ 20 calls\/s +│ chat-enricher limit +│/)
    expect(stdout).toMatch(/│ in flight +│ none +│ chat-enricher limit +│/)
    await run(['limit', '--burst', '3'], world.env)
    expect((await limits()).set).toEqual({ rate: 20, burst: 3, inFlight: null })
    const shown = (await run(['status'], world.env)).stdout
    for (const limit of ['rate 20 calls/s', 'burst 3 calls', 'in flight none']) {
      expect(shown).toMatch(
        new RegExp(
          `^by hand: limit ${limit}, by .+@.+, since 20\\d\\d-.* UTC; chat-enricher limit --reset ends it$`,
          'm',
        ),
      )
    }
    await run(['limit', '--reset', '--rate', '30'], world.env)
    expect((await limits()).set).toEqual({ rate: 30 })
    await run(['limit', '--reset'], world.env)
    expect((await limits()).set).toEqual({})
    expect((await run(['status'], world.env)).stdout).not.toContain('by hand')
  })

  it('is kept at once by a worker that runs, and told by its metrics', async () => {
    const { url } = await startWorker({ ...world.env, RATE_LIMIT_PER_SECOND: '0.001' })
    const queue = world.queue(NAMES.lookupQueue)
    const ids = Array.from({ length: 20 }, (_, index) => ({ name: 'lookup', data: { connectionId: `c${index}` } }))
    await queue.addBulk(ids)
    await until('its own pace lets one go', () => world.standIn.requests.all().length === 1)
    await run(['limit', '--rate', '1000', '--in-flight', '5'], world.env)
    await until('all have their result', async () => (await finishedCount(world.redis)) === ids.length)
    await until('the metrics say so', async () => {
      const text = await (await fetch(`${url}/metrics`)).text()
      return text.includes('rate_limit_per_second 1000\n') && text.includes('calls_in_flight_limit 5\n')
    })
  })

  it.each([
    [['--rate', '0'], 'error: --rate: expected a number from 0.001 to 100000, or none, got "0"'],
    [['--rate', 'fast'], 'error: --rate: expected a number from 0.001 to 100000, or none, got "fast"'],
    [['--burst', 'none'], 'error: --burst: expected a whole number from 1 to 100000, got "none"'],
    [['--in-flight', '1.5'], 'error: --in-flight: expected a whole number from 1 to 100000, or none, got "1.5"'],
    [['20'], "error: too many arguments for 'limit'"],
  ])('with %j says what is wrong, exit 2, and changes nothing, not even with --reset', async (args, says) => {
    await run(['limit', '--rate', '40'], world.env)
    const { code, stdout, stderr } = await run(['limit', '--reset', ...args], world.env)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(says)
    expect((await limits()).set).toEqual({ rate: 40 })
  })
})
