import { afterEach, describe, expect, it } from 'vitest'
import { ChatEnricher } from '../../src/index.ts'
import { stateOf } from '../support/finished.ts'
import { CHAT } from '../support/scripted-service.ts'
import type { Consumption } from './auditor.ts'
import { endLocksBeside } from './locks.ts'
import type { Link } from './proxy.ts'
import { idle, isShort, type Rig, type RigWorker, startRig, until } from './rig.ts'

let rig: Rig
afterEach(() => rig.close())

/** What only the command that publishes a result says. */
const PUBLISHES = '"version":1,"lookupId"'
/** What only Redis' answer to it says. */
const IS_PUBLISHED = '\r\nkept\r\n'
const CONSUMPTIONS: Consumption[] = ['remove', 'retain']

/** Ends the worker as its result is on its way: before Redis gets it, or before the worker hears that Redis has it. */
async function dies(worker: RigWorker, when: 'before Redis has the result' | 'after'): Promise<void> {
  const [text, direction] =
    when === 'after' ? ([IS_PUBLISHED, 'to-client'] as const) : ([PUBLISHES, 'to-server'] as const)
  await new Promise<void>((resolve) => {
    worker.proxy.watch = (passing, way, link) => {
      if (way !== direction || !passing.includes(text)) return
      link.lose(direction)
      void worker.kill('SIGKILL').then(() => resolve())
    }
  })
}

async function oneResult(id: string, consumption: Consumption): Promise<void> {
  const audit = await rig.auditor.complete()
  await idle(rig)
  expect(rig.auditor.audit()).toEqual(audit)
  expect(audit).toMatchObject({ accepted: 1, results: 1, lost: [], duplicates: [], notEnriched: [] })
  expect(await rig.charged()).toBe(0)
  const kept = await rig.redis.exists(`bull:chat-results:rs-${id}`)
  expect(kept).toBe(consumption === 'retain' ? 1 : 0)
}

const warnings = () =>
  rig
    .log()
    .filter(({ level }) => Number(level) >= 40)
    .map(({ msg }) => msg)

describe('a worker that is killed', () => {
  // Fails without: src/worker/lookup-taker.ts: STALLED_CHECK_MS (a hundred times as long)
  it('after the service has answered and before the result is out, costs a second call and nothing else', async () => {
    rig = await startRig({ workers: 1 })
    const [first] = rig.workers as [RigWorker]
    const died = dies(first, 'before Redis has the result')
    const [id = ''] = await rig.enqueue(1)
    await died
    await rig.startWorker()
    await oneResult(id, 'remove')
    expect(rig.auditor.of(id)).toMatchObject([{ attempts: 2 }])
    expect(rig.service.calls).toHaveLength(2)
    expect(await rig.metric('lookups_recovered_total')).toBe(1)
    expect(warnings()).toEqual(['lookup taken back from a worker that died or lost Redis'])
  })

  // Fails without: src/worker/lookup-run.ts: the look at known.published (two calls)
  it.each(CONSUMPTIONS)('after the result is out costs nothing, if its consumer would %s it', async (consumption) => {
    rig = await startRig({ workers: 1 })
    rig.auditor.consumption = consumption
    const [first] = rig.workers as [RigWorker]
    const died = dies(first, 'after')
    const [id = ''] = await rig.enqueue(1)
    await died
    await endLocksBeside(rig, id)
    await rig.startWorker()
    await oneResult(id, consumption)
    expect(rig.service.calls).toHaveLength(1)
    expect(await rig.metric('results_suppressed_total')).toBe(1)
  })

  // Fails without: src/worker/lookup-taker.ts: jobLockMs (ten times as long)
  it('with 32 lookups in flight leaves none of them without a result for longer than a minute', async () => {
    rig = await startRig({ workers: 2 })
    const [victim] = rig.workers as [RigWorker]
    rig.service.script = ({ user }) => (user === victim.user ? { say: 'hang' } : CHAT)
    await rig.enqueue(200)
    const inFlight = () => rig.service.calls.filter(({ user }) => user === victim.user).length
    await until('32 are in flight', () => inFlight() >= 32)
    await victim.kill('SIGKILL')
    const audit = await rig.auditor.complete(60_000)
    await idle(rig)
    expect(audit).toMatchObject({ results: 200, lost: [], duplicates: [], notEnriched: [] })
    expect(await rig.charged()).toBe(0)
    expect(rig.service.calls).toHaveLength(200 + inFlight())
    expect(await rig.metric('lookups_recovered_total')).toBe(inFlight())
  })
})

describe('a worker that is killed while it publishes a result that somebody waits for', () => {
  const INTERACTIVE = 'chat-lookups-interactive'

  /** How often a result was told to whoever waits, of any lookup. */
  async function tellings(): Promise<{ count: () => number; close: () => void }> {
    const heard = rig.redis.duplicate()
    let count = 0
    heard.on('pmessage', () => count++)
    await heard.psubscribe('bull:chat-enricher:result:*')
    return { count: () => count, close: () => heard.disconnect() }
  }

  // Fails without: src/worker/lookup-run.ts: the look at known.published (two calls)
  it.each([
    ['before Redis has the result', 2],
    ['after', 1],
  ] as const)('%s: the waiter has it, once; another who comes late finds it', async (when, calls) => {
    rig = await startRig({ workers: 1 })
    const [first] = rig.workers as [RigWorker]
    const told = await tellings()
    await using enricher = new ChatEnricher({ redisUrl: rig.redisServer.url })
    const died = dies(first, when)
    const asked = { connectionId: 'a-person', idempotencyKey: 'k' }
    const waits = enricher.lookup(asked, { timeoutMs: 120_000 })
    await died
    const [lookupId = ''] = await rig.redis.lrange(`bull:${INTERACTIVE}:active`, 0, -1)
    await endLocksBeside(rig, lookupId, { queue: INTERACTIVE })
    await rig.startWorker()
    const result = await waits
    expect(result).toMatchObject({ lookupId, status: 'enriched', connectionId: 'a-person' })
    const isDone = async () => (await stateOf(rig.redis, lookupId)) === 'completed'
    await until('the lookup is done', isDone, 60_000)
    expect(await enricher.lookup(asked)).toEqual(result)
    expect([told.count(), rig.service.calls.length]).toEqual([1, calls])
    expect(await rig.metric('results_suppressed_total')).toBe(2 - calls)
    expect(rig.auditor.results).toEqual([])
    expect(await rig.redis.keys('bull:chat-enricher:result:*')).toHaveLength(1)
    told.close()
  })
})

describe('a worker that does not hear what became of its result', () => {
  // Fails without: src/queues/result-queue.ts: the script's look at the marker (a second result where it was removed)
  it.each(CONSUMPTIONS)('publishes no second one, if its consumer would %s it', async (consumption) => {
    rig = await startRig({ workers: 1 })
    rig.auditor.consumption = consumption
    const [worker] = rig.workers as [RigWorker]
    const losing = new Promise<Link>((resolve) => {
      worker.proxy.watch = (text, direction, link) => {
        if (direction !== 'to-server' || !text.includes(PUBLISHES)) return
        worker.proxy.watch = null
        link.lose('to-client')
        resolve(link)
      }
    })
    const [id = ''] = await rig.enqueue(1)
    const link = await losing
    await until('Redis has it', () => rig.auditor.of(id).length > 0)
    link.cut()
    await oneResult(id, consumption)
    expect(rig.service.calls).toHaveLength(1)
    expect(await rig.metric('results_suppressed_total')).toBe(1)
    expect(rig.log().filter(({ msg }) => /mistake of ours|lookup failed/.test(String(msg)))).toEqual([])
  })
})

describe('a thousand lookups of one connection id, from four producers', () => {
  // Fails without: src/worker/call-sharing.ts: share() (1,036 calls)
  it.skipIf(isShort)('get a result each while workers are killed', async () => {
    rig = await startRig({ workers: 3, latencyMs: 300, env: { RATE_LIMIT_PER_SECOND: '100' } })
    rig.supervise()
    const jobs = (producer: number) =>
      Array.from({ length: 250 }, (_, i) => ({
        name: 'lookup',
        data: { connectionId: 'one-chat' },
        opts: { jobId: `lk-${producer}-${i}` },
      }))
    const added = await Promise.all([0, 1, 2, 3].map((producer) => rig.queue().addBulk(jobs(producer))))
    for (const { id = '' } of added.flat()) rig.auditor.accepted.add(id)
    for (const place of [0, 1, 2]) {
      const had = rig.auditor.results.length
      await until('some are answered', () => rig.auditor.results.length > had || rig.auditor.results.length === 1000)
      await rig.workers[place]?.kill('SIGKILL')
    }
    const audit = await rig.auditor.complete(120_000)
    await idle(rig)
    expect(audit).toMatchObject({ results: 1000, lost: [], duplicates: [], notEnriched: [] })
    expect(rig.service.calls.length).toBeLessThan(100)
    expect(await rig.charged()).toBe(0)
  })
})
