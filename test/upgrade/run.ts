/**
 * `npm run test:upgrade`: the last release beside this one, on one queue, in both orders, with the way back. Each lookup has
 * exactly one result, the pace of the fleet is kept, and the queues are clean at the end. `-- --release COMMIT`: another release.
 * `-- --short`: the first order, with a quarter of the lookups.
 */

import { parseArgs } from 'node:util'
import { endAll, MAIN, type Started, watch } from '../cli/started.ts'
import { SOAP_SECRETS } from '../support/processes.ts'
import { consume, NAMES, startWorld, until, type World } from '../support/world.ts'
import { buildRelease, lastRelease } from './release.ts'

/** So many of each step are enqueued again in the next. */
const AGAIN = 20
const RATE = 80
/** A permit may be used 25 ms late, and a busy machine delivers a call later still. */
const BUSY = 1.1

const { values } = parseArgs({ options: { release: { type: 'string' }, short: { type: 'boolean' } } })
const LOOKUPS = values.short ? 60 : 240
const commit = values.release ?? lastRelease()
const release = buildRelease(commit)
if (release === null) {
  console.log(
    `SKIPPED: the history here does not have ${commit}, so the last release cannot be built (a shallow clone?)`,
  )
  process.exit(0)
}

const ORDERS = {
  'old, new beside it, new alone, and back': [['old'], ['old', 'new'], ['new'], ['new', 'old'], ['old']],
  'new, old beside it, old alone, and on': [['new'], ['new', 'old'], ['old'], ['old', 'new'], ['new']],
} as const
type Which = 'old' | 'new'

const mains: Record<Which, string> = { old: release.main, new: MAIN }
let isGood = true

try {
  for (const [name, steps] of Object.entries(ORDERS).slice(0, values.short ? 1 : 2)) {
    const problems = await inOrder(steps)
    isGood &&= problems.length === 0
    console.log(
      `${problems.length === 0 ? 'ok' : 'FAILED'}: ${name}${problems.map((problem) => `\n  ${problem}`).join('')}`,
    )
  }
} finally {
  await endAll()
  release.remove()
}
process.exit(isGood ? 0 : 1)

/** What was wrong. */
async function inOrder(steps: readonly (readonly Which[])[]): Promise<string[]> {
  const world = await startWorld({ standIn: { latencyMs: [20, 60] } })
  const consumer = consume(world)
  const running = new Map<Which, Started>()
  try {
    for (const [index, wanted] of steps.entries()) {
      for (const which of wanted) if (!running.has(which)) running.set(which, await startOf(world, which))
      for (const which of [...running.keys()]) if (!wanted.includes(which)) await stop(running, which)
      await enqueue(world, index * LOOKUPS)
      await consumer.have((index + 1) * LOOKUPS - LOOKUPS / 2) // the next step comes in the middle of this one's lookups
    }
    await consumer.have(steps.length * LOOKUPS)
    await until('the queue is empty', async () => (await leftOn(world)) === 0)
    for (const which of [...running.keys()]) await stop(running, which)
    return await judged(
      world,
      consumer.results.map(({ lookupId, status }) => ({ lookupId, status })),
      steps.length * LOOKUPS,
    )
  } catch (error) {
    return [(error as Error).message]
  } finally {
    await endAll()
    await consumer.close()
    await world.close()
  }
}

async function startOf(world: World, which: Which): Promise<Started> {
  const own = { METRICS_HOST: '127.0.0.1', METRICS_PORT: '0', LOG_FORMAT: 'json', RATE_LIMIT_PER_SECOND: String(RATE) }
  const started = watch(process.execPath, [mains[which], 'worker'], { ...world.env, ...SOAP_SECRETS, ...own })
  await started.says(/"msg":"worker started"/)
  return started
}

async function stop(running: Map<Which, Started>, which: Which): Promise<void> {
  const started = running.get(which)
  running.delete(which)
  started?.child.kill('SIGTERM')
  const end = await started?.ended
  if (end?.code !== 0)
    throw new Error(`the ${which} worker: expected exit code 0 at SIGTERM, got ${end?.code}: ${started?.stderr()}`)
}

/** New ones, and some again that have had their result, from whichever release ran then. */
async function enqueue(world: World, from: number): Promise<void> {
  const job = (n: number) => ({ name: 'lookup', data: { connectionId: `${n}` }, opts: { jobId: `crm-${n}` } })
  const again = from === 0 ? [] : Array.from({ length: AGAIN }, (_, index) => job(from - LOOKUPS + index))
  const fresh = Array.from({ length: LOOKUPS }, (_, index) => job(from + index))
  await world.queue(NAMES.lookupQueue).addBulk([...again, ...fresh])
}

async function judged(
  world: World,
  results: { lookupId: string; status: string }[],
  expected: number,
): Promise<string[]> {
  const ids = new Set(results.map(({ lookupId }) => lookupId))
  const inSecond = world.standIn.requests.maxInAnySlidingSecond()
  const calls = world.standIn.requests.all().length
  const left = await leftOn(world)
  const bad = results.filter(({ status }) => status !== 'enriched').length
  const facts: [boolean, string][] = [
    [
      results.length === expected && ids.size === expected,
      `expected ${expected} results of as many lookups, got ${results.length} of ${ids.size}`,
    ],
    [bad === 0, `expected every result enriched, got ${bad} others`],
    [calls === expected, `expected ${expected} calls, got ${calls}`],
    [inSecond <= RATE * BUSY, `expected at most ${RATE * BUSY} calls in any second, got ${inSecond}`],
    [left === 0, `expected nothing left on the queue, got ${left}`],
  ]
  console.log(`  ${results.length} results, ${calls} calls, at most ${inSecond} in any second (limit ${RATE})`)
  return facts.flatMap(([holds, problem]) => (holds ? [] : [problem]))
}

async function leftOn(world: World): Promise<number> {
  const counts = await world.queue(NAMES.lookupQueue).getJobCounts('wait', 'active', 'delayed', 'prioritized', 'failed')
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}
