import { afterEach, describe, expect, it } from 'vitest'
import { leaseKey, memberKey } from '../../src/redis/names.ts'
import { finishedCount } from '../support/finished.ts'
import { NAMES } from '../support/world.ts'
import { idle, isShort, type Rig, type RigWorker, startRig, until } from './rig.ts'

let rig: Rig
afterEach(() => rig.close())

const key = (part: string) => `bull:chat-lookups:${part}`

/** As whoever writes into Redis by hand does it; in no list yet. */
async function write(id: string, fields: Record<string, string>): Promise<void> {
  const job = { name: 'lookup', data: '{"connectionId":"c"}', opts: '{}', timestamp: String(Date.now()), ...fields }
  await rig.redis.hset(key(id), job)
  rig.auditor.accepted.add(id)
}

async function push(id: string): Promise<void> {
  await rig.redis.lpush(key('wait'), id)
  await rig.redis.zadd(key('marker'), '0', '0')
  rig.auditor.accepted.add(id)
}

const MALFORMED: Record<string, Record<string, string>> = {
  'of-wrong-schema': { data: '{"connectionId":5}' },
  'of-nothing': { data: 'null' },
  'of-a-list': { data: '["c"]' },
  'of-a-text': { data: '"c"' },
  'of-no-json': { data: '{"connectionId":' },
  'of-no-text': { data: '' },
  'of-no-json-options': { opts: 'x' },
  'of-options-that-are-null': { opts: 'null' },
  'of-a-megabyte': { data: JSON.stringify({ connectionId: 'x'.repeat(1_000_000) }) },
  'of-another-name': { name: 'send-mail' },
  'of-no-time': { data: '{}', timestamp: 'yesterday' },
}

describe('a job that is no lookup', () => {
  // Fails without: src/upkeep/upkeep.ts: unreadable.find() (no result for what is no JSON)
  it('gets one result, `invalid`, and goes; those beside it are enriched', async () => {
    rig = await startRig({ workers: 2 })
    for (const [id, fields] of Object.entries(MALFORMED)) {
      await write(id, fields)
      await push(id)
      await rig.enqueue(5)
    }
    await push('of-no-hash')
    await write('of-no-characters', {})
    await rig.redis.hset(key('of-no-characters'), 'data', Buffer.from([0x22, 0xff, 0xfe]))
    await push('of-no-characters')
    const odd = [...Object.keys(MALFORMED), 'of-no-hash', 'of-no-characters']
    const audit = await rig.auditor.complete(90_000)
    await idle(rig)
    expect(audit).toMatchObject({ lost: [], duplicates: [], unasked: 0 })
    const invalid = audit.notEnriched.map(({ lookupId, status, failure }) => `${lookupId} ${status} ${failure?.code}`)
    expect(invalid.sort()).toEqual(odd.map((id) => `${id} invalid invalid`).sort())
    for (const id of odd) expect(Number((await rig.redis.hget(key(id), 'stc')) ?? 0)).toBeLessThanOrEqual(3)
    expect(rig.service.calls).toHaveLength(55)
    const largest = Math.max(...rig.auditor.results.map((result) => JSON.stringify(result).length))
    expect(largest).toBeLessThan(10_000)
    const lines = rig.log().filter(({ msg }) => /invalid/.test(String(msg)))
    expect(lines.length).toBeGreaterThanOrEqual(5) // in one second there are no more of a kind
    expect(lines.length).toBeLessThanOrEqual(odd.length)
  })
})

/** Fields that BullMQ or its scripts stumble over; none of these is handed to a worker, or not for ever. */
const UNBUILDABLE: Record<string, Record<string, string>> = {
  'of-half-a-progress': { progress: 'half' },
  'of-half-a-parent': { parent: '{"id":' },
  'of-no-count-of-starts': { ats: 'x' },
}

/** What we or BullMQ can live with. */
const LIVABLE: Record<string, Record<string, string>> = {
  'of-no-history': { 'ce:history': 'x', 'ce:failed-at': 'x', 'ce:alone': 'x' },
  'of-no-count-of-stalls': { stc: 'x' },
  'of-no-scheduler': { rjk: 'no-such-scheduler' },
  'of-another-id': { id: 'of-no-history' },
}

describe('a job that nobody can build', () => {
  // Fails without: src/upkeep/unreadable.ts: isBuildable(), problemOf(); domain/history.ts: readHistory();
  // worker/lookup-taker.ts: createJob(), nextJobFromJobData()
  it('gets one result; what only looks odd is enriched, under its own id', async () => {
    rig = await startRig({ workers: 2 })
    for (const [id, fields] of Object.entries({ ...UNBUILDABLE, ...LIVABLE })) {
      await write(id, fields)
      await push(id)
      await rig.enqueue(3)
    }
    const audit = await rig.auditor.complete(150_000)
    expect(audit).toMatchObject({ lost: [], duplicates: [], unasked: 0 })
    const invalid = audit.notEnriched.map(({ lookupId, status }) => `${lookupId} ${status}`)
    expect(invalid.sort()).toEqual(
      Object.keys(UNBUILDABLE)
        .map((id) => `${id} invalid`)
        .sort(),
    )
    await idle(rig)
  })

  // Fails without: src/queues/bounded-reads.ts: boundReads()
  it('is measured before it is read: one of 120 MB ends no process of a small heap', async () => {
    rig = await startRig({ workers: 2, env: { NODE_OPTIONS: '--max-old-space-size=96' } })
    await write('of-120-megabytes', { data: JSON.stringify({ connectionId: 'c', text: 'x'.repeat(120_000_000) }) })
    await push('of-120-megabytes')
    await rig.enqueue(20)
    const audit = await rig.auditor.complete(60_000)
    await idle(rig)
    expect(audit).toMatchObject({ lost: [], duplicates: [], unasked: 0 })
    const [only, ...others] = audit.notEnriched
    expect([only?.lookupId, only?.status, others]).toEqual(['of-120-megabytes', 'invalid', []])
    expect(rig.workers.map(({ child }) => child.exitCode ?? child.signalCode)).toEqual([null, null])
  })

  // Fails without: src/upkeep/reconciler.ts: readJobs() (BullMQ cannot build what it was edited to)
  it('because somebody edited it after it gave up, keeps the upkeep from nothing else', async () => {
    rig = await startRig({ workers: 1 })
    const ended = { finishedOn: String(Date.now()), failedReason: 'x' }
    await write('edited', { ...ended, data: '{"connectionId":' })
    await rig.redis.zadd(key('failed'), Date.now(), 'edited')
    await write('in-no-list', {})
    const audit = await rig.auditor.complete(120_000)
    expect(audit).toMatchObject({ results: 2, lost: [], duplicates: [], unasked: 0 })
  })
})

describe('a lookup that lies where nobody looks', () => {
  const ended = { finishedOn: String(Date.now()), processedOn: String(Date.now()) }

  /** The worker that does for all what one does; or, if none does yet, none. */
  async function keeper(): Promise<RigWorker | undefined> {
    const id = await rig.redis.get(leaseKey(NAMES, 'upkeep'))
    const line = id && (await rig.redis.get(memberKey(NAMES, id)))
    return line ? rig.workers.find(({ pid }) => pid === JSON.parse(line).pid) : undefined
  }

  async function plant(): Promise<void> {
    for (const id of ['in-no-list', 'among-those-with-no-lock']) await write(id, {})
    await write('failed-and-in-no-list', { ...ended, failedReason: 'x' })
    await rig.redis.lpush(key('active'), 'among-those-with-no-lock')
    await rig.queue().add('lookup', { connectionId: 'c' }, { jobId: 'of-a-removed-priority', priority: 7, delay: 1e9 })
    await rig.redis.zrem(key('delayed'), 'of-a-removed-priority')
    rig.auditor.accepted.add('of-a-removed-priority')
  }

  async function allFound(): Promise<void> {
    const audit = await rig.auditor.complete(120_000)
    await idle(rig)
    expect(audit).toMatchObject({ results: 4, lost: [], duplicates: [], unasked: 0 })
    const [failed, ...others] = audit.notEnriched
    expect([failed?.lookupId, failed?.failure?.code, others]).toEqual(['failed-and-in-no-list', 'poison', []])
    expect([await finishedCount(rig.redis), await rig.queue().getFailedCount()]).toEqual([3, 1])
  }

  // Fails without: src/upkeep/upkeep.ts: #adopt()
  it('gets its one result', async () => {
    rig = await startRig({ workers: 1 })
    await plant()
    await allFound()
    const found = rig.log().filter(({ msg }) => /lay in no list/.test(String(msg)))
    expect(found).toHaveLength(3)
  })

  // Fails without: src/upkeep/upkeep.ts: LEASE_MS (a lease that lasts)
  it.skipIf(isShort)('gets it from whichever worker lives', async () => {
    rig = await startRig({ workers: 2 })
    await until('somebody looks after the queues', async () => (await keeper()) !== undefined)
    await (await keeper())?.kill('SIGKILL')
    await plant()
    await allFound()
  })
})
