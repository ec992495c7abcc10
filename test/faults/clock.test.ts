import { afterEach, describe, expect, it } from 'vitest'
import { finishedCount } from '../support/finished.ts'
import { idle, isReady, type Rig, startRig, until } from './rig.ts'

let rig: Rig
afterEach(() => rig.close())

const HOUR_MS = 3_600_000
const CLOCK = new URL('./clock.mjs', import.meta.url).pathname
const off = (ms: number) => ({ NODE_OPTIONS: `--import ${CLOCK}`, CLOCK_OFF_MS: String(ms) })

async function redisNow(): Promise<number> {
  return Number((await rig.redis.time())[0]) * 1000
}

/** A lookup that was done so long ago, by Redis' time. */
async function doneAgo(id: string, ms: number): Promise<void> {
  const at = (await redisNow()) - ms
  await rig.redis.hset(`bull:chat-lookups:${id}`, { name: 'lookup', data: '{}', opts: '{}', finishedOn: String(at) })
  await rig.redis.zadd('bull:chat-lookups:completed', String(at), id)
}

const isKnown = async (id: string) => (await rig.redis.exists(`bull:chat-lookups:${id}`)) === 1

/** Lookups that expire in an hour. */
async function enqueueExpiring(count: number): Promise<void> {
  const expiresAt = new Date((await redisNow()) + HOUR_MS).toISOString()
  const ids = Array.from({ length: count }, (_, i) => `lk-expiring-${i}`)
  const jobs = ids.map((id) => ({ name: 'lookup', data: { connectionId: id, expiresAt }, opts: { jobId: id } }))
  await rig.queue().addBulk(jobs)
  for (const id of ids) rig.auditor.accepted.add(id)
}

describe('a worker whose clock is wrong', () => {
  // Fails without: src/worker/lookup-run.ts: how far off the clock is in expiresAt; and src/app/health.ts: the clock in readiness()
  it.each([
    ['two hours ahead', 2 * HOUR_MS],
    ['ten minutes behind', -600_000],
  ])(
    '%s: each lookup has its one result, none expires, none is forgotten early, and it says that it is not ready',
    async (_, ms) => {
      rig = await startRig({
        workers: 2,
        env: { LOOKUP_RETENTION_MS: String(HOUR_MS) },
        envOf: (i) => off(i === 0 ? ms : 0),
      })
      await doneAgo('recent', 600_000)
      await rig.enqueue(200)
      await enqueueExpiring(100)
      const audit = await rig.auditor.complete()
      await idle(rig)
      expect(audit).toMatchObject({ accepted: 300, results: 300, lost: [], duplicates: [], notEnriched: [] })
      const [wrong, right] = rig.workers
      expect(new Set(rig.service.calls.map(({ user }) => user)).size).toBe(2)
      expect(await isKnown('recent')).toBe(true)
      expect(await finishedCount(rig.redis)).toBe(301)
      expect(wrong && (await isReady(wrong))).toBe(false)
      expect(right && (await isReady(right))).toBe(true)
      const skew = /^chat_enricher_clock_skew_seconds (.*)$/m.exec(await (await fetch(`${wrong?.url}/metrics`)).text())
      expect(Math.abs(Number(skew?.[1]) - ms / 1000)).toBeLessThan(5)
    },
  )

  // Fails without: src/upkeep/retention.ts: aheadMs
  it('keeps what is to be kept, and removes what is not, by the clock of Redis', async () => {
    rig = await startRig({ workers: 0, env: { LOOKUP_RETENTION_MS: String(HOUR_MS) } })
    await doneAgo('recent', 600_000)
    await doneAgo('old', HOUR_MS + 60_000)
    await rig.startWorker(off(2 * HOUR_MS))
    await until('what is too old is gone', async () => !(await isKnown('old')), 60_000)
    expect(await isKnown('recent')).toBe(true)
  })
})
