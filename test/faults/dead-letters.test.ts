import { afterEach, describe, expect, it } from 'vitest'
import { start } from '../cli/started.ts'
import { isShort, type Rig, startRig, until } from './rig.ts'

/** DEAD_LETTERS: another number of them, on a machine that has little time. */
const COUNT = Number(process.env.DEAD_LETTERS ?? (isShort ? 1000 : 10_000))
const RATE = String(Math.max(100, COUNT / 10))
const LONG_AGO_MS = 8 * 86_400_000

let rig: Rig
afterEach(() => rig.close())

/** Enqueued so long ago that they expire at their first run, without a call. */
async function addExpired(): Promise<string[]> {
  const ids = Array.from({ length: COUNT }, (_, index) => `lk-${index}`)
  for (let from = 0; from < COUNT; from += 500) {
    const jobs = ids.slice(from, from + 500).map((jobId) => ({
      name: 'lookup',
      data: { connectionId: `of-${jobId}` },
      opts: { jobId, timestamp: Date.now() - LONG_AGO_MS },
    }))
    await rig.queue().addBulk(jobs)
  }
  return ids
}

describe('a redrive of many', () => {
  const failed = () => rig.queue().getFailedCount()
  const redrive = () => start(['dead-letters', 'redrive', '--all', '--yes', '--rate', RATE], rig.env)

  // Fails without: src/queues/ended-lookups.ts: REDRIVE_FIELD
  it('killed three times, a worker killed, too: each is put back once, and both results are told apart', async () => {
    rig = await startRig({ workers: 2 })
    rig.supervise()
    const ids = await addExpired()
    await until('they are dead letters', async () => (await failed()) === COUNT, 120_000)
    for (const [index, share] of [0.85, 0.6, 0.3].entries()) {
      const acting = redrive()
      await until(`${share} of them are left`, async () => (await failed()) <= COUNT * share, 120_000)
      acting.child.kill('SIGKILL')
      await acting.ended
      if (index === 1) rig.workers[0]?.child.kill('SIGKILL')
    }
    const last = redrive()
    expect(await last.ended, last.stderr()).toMatchObject({ code: 0 })
    await until('each has its second result', () => rig.auditor.results.length >= 2 * COUNT, 180_000)
    const seen = rig.auditor.results.map(({ lookupId, redrive: times, status }) => `${lookupId} ${times} ${status}`)
    const expected = ids.flatMap((id) => [`${id} 0 failed`, `${id} 1 enriched`])
    expect(seen.toSorted()).toEqual(expected.toSorted())
    expect(await failed()).toBe(0)
  })
})
