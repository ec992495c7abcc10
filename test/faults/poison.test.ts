import { afterEach, describe, expect, it } from 'vitest'
import { CHAT } from '../support/scripted-service.ts'
import { endLocksBeside, stallsOf } from './locks.ts'
import { callerOf, idle, isShort, type Rig, startRig, until } from './rig.ts'

let rig: Rig
afterEach(() => rig.close())

interface Crash {
  at: number
  id: string
  /** Lookups that the process had in hand, the one that killed it included. */
  inHand: number
}

/** From now on a call for an id that begins with `poison` is the end of the process that makes it. */
function makePoisonous(options: { soon: boolean }): Crash[] {
  const crashes: Crash[] = []
  rig.service.script = (call) => {
    if (!call.id.startsWith('poison')) return CHAT
    const lookupId = `lk-${call.id}`
    const killed = callerOf(rig, call)?.kill('SIGKILL')
    void killed?.then(async () => {
      crashes.push({
        at: performance.now(),
        id: lookupId,
        inHand: await endLocksBeside(rig, lookupId, { atOnce: options.soon }),
      })
    })
    return { say: 'hang' }
  }
  return crashes
}

/** Good lookups, as long as it goes on: there are always some that wait. */
function feed(): { stop(): Promise<void> } {
  let stopped = false
  const feeding = (async () => {
    while (!stopped) {
      if ((await rig.queue().getWaitingCount()) < 40) await rig.enqueue(40, 'good')
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  })()
  return {
    stop: () => {
      stopped = true
      return feeding
    },
  }
}

const deathsOf = (crashes: Crash[], id: string) => crashes.filter((crash) => crash.id === id).length

async function onlyThesePoisoned(ids: string[], crashes: Crash[]): Promise<void> {
  const poisoned = () => rig.auditor.results.filter(({ status }) => status !== 'enriched')
  await until('all are poisoned', () => poisoned().length >= ids.length, 600_000)
  const sinceLastCrash = performance.now() - (crashes.at(-1)?.at ?? 0)
  expect(sinceLastCrash).toBeLessThan(60_000)
  expect(
    poisoned()
      .map(({ lookupId, failure }) => `${lookupId} ${failure?.code}`)
      .sort(),
  ).toEqual(ids.map((id) => `${id} poison`).sort())
}

describe('a lookup that kills its process each time', () => {
  // Fails without: src/worker/solitude.ts: what enter() does (all 32 die with it)
  it('takes no suspect with it that it came back with, and ends when it has done so often enough', async () => {
    rig = await startRig({ workers: 0, latencyMs: 200 })
    const neighbours = await rig.enqueue(31, 'neighbour')
    const [poison = ''] = await rig.enqueue(1, 'poison')
    // As two crashes of a process that had them all in hand have left them.
    for (const id of [poison, ...neighbours]) await rig.redis.hset(`bull:chat-lookups:${id}`, { stc: 2, ats: 2 })
    await rig.redis.hset(`bull:chat-lookups:${poison}`, 'ce:history', JSON.stringify({ diedAlone: 3 }))
    const crashes = makePoisonous({ soon: true })
    rig.supervise()
    await rig.startWorker()
    await onlyThesePoisoned([poison], crashes)
    await rig.auditor.complete()
    expect(crashes).toMatchObject([{ id: poison, inHand: 1 }])
    expect(await stallsOf(rig, poison)).toBe(3)
    for (const id of neighbours) expect(await stallsOf(rig, id)).toBe(2)
  })

  // Fails without: src/worker/lookup-run.ts: DEATHS_ALONE (one more, and it crashes seven times)
  it.skipIf(isShort)(
    'leaves all others enriched, and is a dead letter within a minute of its sixth crash',
    { timeout: 600_000 },
    async () => {
      rig = await startRig({ workers: 2, latencyMs: 2000 })
      const crashes = makePoisonous({ soon: false })
      rig.supervise()
      await rig.enqueue(32, 'good')
      const [poison = ''] = await rig.enqueue(1, 'poison')
      const good = feed()
      await onlyThesePoisoned([poison], crashes)
      await good.stop()
      const audit = await rig.auditor.complete()
      await idle(rig)
      expect(audit).toMatchObject({ lost: [], duplicates: [] })
      expect(audit.accepted).toBeGreaterThan(500)
      expect(deathsOf(crashes, poison)).toBe(6)
      console.log('in hand at each crash:', crashes.map(({ inHand }) => inHand).join(' '), '; lookups', audit.accepted)
    },
  )

  // Fails without: src/worker/lookup-run.ts: DEATHS_ALONE (as many as seven, and it crashes nine times)
  it.skipIf(isShort).each([1, 2, 3])(
    'does so beside a second one, with %i workers, its locks ended at once',
    { timeout: 600_000 },
    async (workers) => {
      rig = await startRig({ workers, latencyMs: 500 })
      const crashes = makePoisonous({ soon: true })
      rig.supervise()
      await rig.enqueue(20, 'good')
      const poisons = [...(await rig.enqueue(1, 'poison')), ...(await rig.enqueue(1, 'poison'))]
      const good = feed()
      await onlyThesePoisoned(poisons, crashes)
      await good.stop()
      const audit = await rig.auditor.complete()
      await idle(rig)
      expect(audit).toMatchObject({ lost: [], duplicates: [] })
      for (const id of poisons) expect(deathsOf(crashes, id)).toBeLessThanOrEqual(6)
      console.log('in hand at each crash:', crashes.map(({ inHand }) => inHand).join(' '), '; lookups', audit.accepted)
    },
  )
})
