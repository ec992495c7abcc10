import { afterEach, expect, it } from 'vitest'
import { run } from '../support/processes.ts'
import { CHAT } from '../support/scripted-service.ts'
import { NAMES } from '../support/world.ts'
import { Auditor } from './auditor.ts'
import { type Rig, startRig, until } from './rig.ts'

const OTHER = { LOOKUP_QUEUE: 'other-lookups', INTERACTIVE_QUEUE: 'other-interactive', RESULT_QUEUE: 'other-results' }
const REFUSED_USER = 'refused-user'
const RATE = 20

let rig: Rig
let other: Auditor
afterEach(async () => {
  await other.close()
  await rig.close()
})

/** The same ids in both: fewer than make the refused fleet suspect its credentials. */
const IDS = Array.from({ length: 15 }, (_, number) => `lk-${number}`)

async function enqueue(queue: string, auditor: Auditor): Promise<void> {
  const jobs = IDS.map((jobId) => ({ name: 'lookup', data: { connectionId: `c-${jobId}` }, opts: { jobId } }))
  await rig.queue(queue).addBulk(jobs)
  for (const id of IDS) auditor.accepted.add(id)
}

/** A lookup in no list, and one that nobody can read: only the upkeep of this fleet finds them. */
async function plantWork(queue: string, auditor: Auditor): Promise<void> {
  const fields = { name: 'lookup', data: '{"connectionId":"c"}', opts: '{}', timestamp: String(Date.now()) }
  await rig.redis.hset(`bull:${queue}:in-no-list`, fields)
  await rig.redis.hset(`bull:${queue}:of-no-json`, { ...fields, data: '{"connectionId":' })
  await rig.redis.lpush(`bull:${queue}:wait`, 'of-no-json')
  await rig.redis.zadd(`bull:${queue}:marker`, '0', '0')
  for (const id of ['in-no-list', 'of-no-json']) auditor.accepted.add(id)
}

async function membersOf(env: Record<string, string | undefined>): Promise<number[]> {
  const { stdout } = await run(['status', '--json'], env)
  return (JSON.parse(stdout) as { members: { pid: number }[] }).members.map(({ pid }) => pid)
}

/** Calls in the fullest second. */
function mostInASecond(times: number[]): number {
  return Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 1000).length))
}

// Fails without: redis/names.ts: queuesKey() (markers, members, leases), app/gate-settings.ts: askerStamp() (calls)
it('two fleets with one Redis, prefix and service: nothing crosses but the limits', async () => {
  rig = await startRig({ workers: 1, env: { RATE_LIMIT_PER_SECOND: String(RATE), CACHE_TTL_MS: '60000' } })
  const second = await rig.startWorker({ ...OTHER, SOAP_ENCRYPTED_USER: REFUSED_USER })
  other = new Auditor(rig.redisServer.url, OTHER.RESULT_QUEUE)
  rig.service.script = ({ user }) => (user === REFUSED_USER ? { say: 'code', code: 9 } : CHAT)
  await Promise.all([enqueue(NAMES.lookupQueue, rig.auditor), enqueue(OTHER.LOOKUP_QUEUE, other)])
  await Promise.all([rig.auditor.complete(), other.complete()])
  await Promise.all([plantWork(NAMES.lookupQueue, rig.auditor), plantWork(OTHER.LOOKUP_QUEUE, other)])
  const [ours, theirs] = await Promise.all([rig.auditor.complete(120_000), other.complete(120_000)])

  expect(ours).toMatchObject({ lost: [], duplicates: [], unasked: 0 })
  expect(ours.notEnriched.map(({ lookupId, status }) => [lookupId, status])).toEqual([['of-no-json', 'invalid']])
  expect(theirs).toMatchObject({ lost: [], duplicates: [], unasked: 0 })
  expect(theirs.notEnriched).toHaveLength(theirs.results) // data that it may not see
  const answered = theirs.notEnriched.filter(({ status }) => status !== 'invalid')
  expect(answered.map(({ source, response }) => [source, response?.code])).toEqual(answered.map(() => ['service', 9]))

  const [first] = rig.workers
  expect(await membersOf(rig.env)).toEqual([first?.pid])
  expect(await membersOf({ ...rig.env, ...OTHER })).toEqual([second.pid])
  await until('all calls have been seen', () => rig.service.inFlight === 0)
  expect(mostInASecond(rig.service.calls.map(({ at }) => at))).toBeLessThanOrEqual(RATE + 2)
})
