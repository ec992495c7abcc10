import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Queue } from 'bullmq'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Check, doctor, type Finding, type FindingStatus } from '../../src/app/doctor.ts'
import { CHECKS } from '../../src/fleet/finding.ts'
import { Fleet, type Member } from '../../src/fleet/members.ts'
import { Holds } from '../../src/gate/holds.ts'
import { gateKeys, serviceOf, servicesKey } from '../../src/redis/names.ts'
import { findingSchema } from '../cli/schemas.ts'
import { parseLines } from '../cli/started.ts'
import { Authority } from '../support/authority.ts'
import { run } from '../support/in-process.ts'
import { SOAP_SECRETS } from '../support/processes.ts'
import { startRefusingServer } from '../support/refusing-tls.ts'
import { useWorld } from '../support/use-world.ts'
import { NAMES } from '../support/world.ts'
import {
  ACCEPTED,
  CONFIG_SEEDS,
  PLACE_SEEDS,
  Places,
  PROBE,
  REDIS_SEEDS,
  SERVICE_SEEDS,
  type Seed,
} from './doctor-seeds.ts'

// By the name that 6.2 knows, and newer ones too.
const GOOD_REDIS = ['--appendonly', 'yes', '--hash-max-ziplist-value', '2048']
const world = useWorld({ redisArguments: GOOD_REDIS })
const places = new Places(world)
let folder: string
let authority: Authority
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'chat-enricher-doctor-'))
  authority = new Authority(folder)
})
afterEach(async () => {
  vi.restoreAllMocks()
  await places.end()
})
afterAll(() => rmSync(folder, { recursive: true }))

const good = () => ({ ...world.env, ...SOAP_SECRETS })
const others = (findings: readonly Finding[]) => findings.filter(({ status }) => status !== 'pass')

/** What any of them has found. */
const seen = new Set<Check>()

function expectNoSecret(findings: readonly Finding[]): void {
  expect(JSON.stringify(findings)).not.toContain('canary')
  for (const { check } of findings) seen.add(check)
}

async function findsAll({ make, check, status, says: pattern, cure = /\w{3}/ }: Seed): Promise<void> {
  const findings = await doctor({ ...good(), ...(await make(places.place)) }, {})
  expectNoSecret(findings)
  const found = findings.filter((finding) => finding.check === check)
  expect(found, JSON.stringify(others(findings), null, 1)).toContainEqual(
    expect.objectContaining({ status, says: expect.stringMatching(pattern), cure: expect.stringMatching(cure) }),
  )
}

const member = (more: Partial<Member> = {}): Member => ({
  id: 'one',
  host: 'here',
  pid: 1,
  version: '1.0.0',
  startedAt: new Date().toISOString(),
  concurrency: 36,
  inProgress: 0,
  perSecond: 0,
  limits: { rate: 50, burst: 1, inFlight: null },
  quota: null,
  keeps: { lookupsMs: 86_400_000, markersMs: 604_800_000 },
  stopping: false,
  service: serviceOf(world.standIn.url),
  interactiveShare: 0.2,
  ...more,
})
const beat = (more?: Partial<Member>) => new Fleet(world.redis, NAMES).beat(member(more))

describe('a good set-up', () => {
  const onGood = async (env = {}) => doctor({ ...good(), ...env }, {})

  it('before the first worker has nothing but passes, and costs one GET and no call', async () => {
    const findings = await onGood()
    expect(others(findings)).toEqual([])
    expect(findings.length).toBeGreaterThan(20)
    expect(findings.find(({ check }) => check === 'service-answers')?.says).toMatch(/no connection id is known/)
    expect(world.standIn.requests.all()).toEqual([])
    expect(await world.redis.keys('*')).toEqual([])
  })

  it('with two workers, a probe id, credentials, and a certificate has nothing but passes, by one call', async () => {
    world.standIn.set({ credentials: ACCEPTED })
    await Promise.all([beat(), beat({ id: 'two', pid: 2 })])
    const endpoint = await places.place.front(authority.issue('good', { days: 90 }))
    await world.redis.hset(servicesKey(NAMES), serviceOf(endpoint), 'x')
    await Promise.all([beat({ service: serviceOf(endpoint) }), beat({ id: 'two', service: serviceOf(endpoint) })])
    const findings = await onGood({ ...PROBE, SOAP_ENDPOINT: endpoint, SOAP_CA_FILE: authority.file })
    expect(others(findings)).toEqual([])
    expectNoSecret(findings)
    expect(findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['service-certificate', 'response-codes']),
    )
    expect(world.standIn.requests.all()).toHaveLength(1)
  })

  it('is asked for the id that it answered last, where none is set', async () => {
    const keys = gateKeys(NAMES, serviceOf(world.standIn.url))
    await world.redis.hset(keys.memory, 'enrichedId', 'canary-id', 'answeredId', 'other')
    const findings = await onGood()
    expect(others(findings)).toEqual([])
    expectNoSecret(findings)
    expect(world.standIn.requests.all().map(({ id }) => id)).toEqual(['canary-id'])
  })

  it('whose user has the rights that the docs name has nothing but passes', async () => {
    const rights = ['~bull:*', 'resetchannels', '&bull:*', '+@all', '-@dangerous', '-@admin', '+info']
    await world.redis.call('ACL', 'SETUSER', 'chats', 'reset', 'on', '>pw', ...rights)
    await world.redis.call('ACL', 'LOG', 'RESET')
    const REDIS_URL = world.redisUrl.replace('//', '//chats:pw@')
    expect(others(await onGood({ REDIS_URL }))).toEqual([])
    expect(await world.redis.call('ACL', 'LOG')).toEqual([])
  })
})

describe('doctor finds', () => {
  it.each(REDIS_SEEDS.map((seed) => [seed.what, seed] as const))('%s', async (_, seed) => findsAll(seed))
  it.each(PLACE_SEEDS.map((seed) => [seed.what, seed] as const))('%s', async (_, seed) => findsAll(seed))
  it.each(CONFIG_SEEDS.map((seed) => [seed.what, seed] as const))('%s', async (_, seed) => findsAll(seed))
  it.each(SERVICE_SEEDS.map((seed) => [seed.what, seed] as const))('%s', async (_, seed) => findsAll(seed))

  it('a clock that is off', async () => {
    const real = Date.now
    vi.spyOn(Date, 'now').mockImplementation(() => real() + 60_000)
    await findsAll({ what: '', check: 'redis-clock', status: 'fail', says: /60\.0 s ahead/, make: () => ({}) })
  })
})

describe('doctor finds in TLS', () => {
  const finds = (check: Check, pattern: RegExp, make: Seed['make'], status: FindingStatus = 'fail') =>
    findsAll({ what: '', check, status, says: pattern, make })
  const ours = () => ({ SOAP_CA_FILE: authority.file })

  it('a certificate that has expired', () =>
    finds('service-tls', /has expired/, async ({ front }) => {
      return { ...ours(), SOAP_ENDPOINT: await front(authority.issue('expired', { days: -1 })) }
    }))

  it('a certificate that expires soon', () => {
    const soon = async ({ front }: typeof places.place) => ({
      ...ours(),
      SOAP_ENDPOINT: await front(authority.issue('soon', { days: 5 })),
    })
    return finds('service-certificate', /valid for [45] more days/, soon, 'warn')
  })

  it('a certificate of another host', () =>
    finds('service-tls', /another host/, async ({ front }) => {
      return { ...ours(), SOAP_ENDPOINT: await front(authority.issue('other', { host: 'DNS:other.example' })) }
    }))

  it('an authority that is not trusted', () =>
    finds('service-tls', /authority that is not trusted/, async ({ front }) => {
      return { SOAP_ENDPOINT: await front(authority.issue('unknown')) }
    }))

  it('a service that speaks old TLS alone, with the cure', async () => {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    const endpoint = await places.place.front({ ...authority.issue('old'), ...old })
    const findings = await doctor({ ...good(), ...ours(), SOAP_ENDPOINT: endpoint }, {})
    const found = findings.find(({ check }) => check === 'service-tls')
    expect(found).toMatchObject({ status: 'fail', says: expect.stringMatching(/too old/) })
    expect(found?.cure).toContain("NODE_OPTIONS='--tls-min-v1.0 --tls-cipher-list=DEFAULT@SECLEVEL=0'")
  })

  it('https:// to a port without TLS', () =>
    finds('service-tls', /speaks no TLS/, ({ world: { standIn } }) => ({
      SOAP_ENDPOINT: standIn.url.replace('http:', 'https:'),
    })))

  it('http:// to a port with TLS', () =>
    finds('service-reached', /connection breaks|no HTTP/, async ({ front }) => {
      return { SOAP_ENDPOINT: (await front(authority.issue('tls'))).replace('https:', 'http:') }
    }))

  it('a client certificate that the service refuses', () =>
    finds('service-tls', /refuses our client certificate/, async ({ undo }) => {
      authority.issue('server')
      const stranger = new Authority(folder, 'stranger')
      stranger.issue('client')
      const file = (name: string) => join(folder, name)
      const server = await startRefusingServer({
        cert: file('server.crt'),
        key: file('server.key'),
        ca: authority.file,
      })
      undo(() => server.close())
      const client = { SOAP_CLIENT_CERT_FILE: file('client.crt'), SOAP_CLIENT_KEY_FILE: file('client.key') }
      return { ...ours(), ...client, SOAP_ENDPOINT: `https://127.0.0.1:${server.port}/x.asmx` }
    }))

  it('a client key that does not belong to its certificate', () =>
    finds('service-tls', /certificate or key cannot be used/, async ({ front }) => {
      authority.issue('mine')
      authority.issue('theirs')
      const files = {
        SOAP_CLIENT_CERT_FILE: join(folder, 'mine.crt'),
        SOAP_CLIENT_KEY_FILE: join(folder, 'theirs.key'),
      }
      return { ...ours(), ...files, SOAP_ENDPOINT: await front(authority.issue('plain')) }
    }))
})

describe('doctor finds in a fleet', () => {
  const finds = (check: Check, status: FindingStatus, pattern: RegExp, env: Record<string, string> = {}) =>
    findsAll({ what: '', check, status, says: pattern, make: () => env })
  const keys = () => gateKeys(NAMES, serviceOf(world.standIn.url))
  const isCalled = () => world.redis.hset(servicesKey(NAMES), serviceOf(world.standIn.url), 'x')
  const DAY_MS = 86_400_000

  it('a consumer that opened the result queue with BullMQ 5', async () => {
    await world.redis.hset('bull:chat-results:meta', 'version', 'bullmq:5.34.1')
    await finds('bullmq-version', 'warn', /chat-results was opened by BullMQ 5\.34\.1/)
  })

  it('no older BullMQ where the installed one opened it', async () => {
    const queue = new Queue(NAMES.resultQueue, { connection: { url: world.redisUrl } })
    await queue.waitUntilReady()
    await queue.close()
    expect(await world.redis.hget('bull:chat-results:meta', 'version')).toMatch(/^bullmq:6\./)
    const findings = await doctor(good(), {})
    expect(findings.find(({ check }) => check === 'bullmq-version')?.status).toBe('pass')
  })

  it('two fleets that share queues by mistake', async () => {
    await beat({ service: serviceOf('http://other.example/x.asmx') })
    await finds('queues-shared', 'fail', /call another service: here pid 1/)
  })

  it('queues on which workers have called another service', async () => {
    await world.redis.hset(servicesKey(NAMES), 'another', 'other.example')
    await finds('queues-shared', 'warn', /have called another service/)
  })

  it('workers of different settings', async () => {
    await Promise.all([beat(), beat({ id: 'two', limits: { rate: 5, burst: 1, inFlight: null } })])
    await finds('workers-agree', 'warn', /RATE_LIMIT_PER_SECOND: 5, 50|RATE_LIMIT_PER_SECOND: 50, 5/)
    await Promise.all([beat({ settings: {} }), beat({ id: 'two', settings: { LOOKUP_ATTEMPTS: '3' } })])
    await finds('workers-agree', 'warn', /LOOKUP_ATTEMPTS: (3, the default|the default, 3)/)
  })

  it('results that nobody consumes', async () => {
    await world.queue(NAMES.resultQueue).add('enriched', {}, { timestamp: Date.now() - 3_600_000 })
    await finds('results-consumed', 'warn', /1 results wait, the oldest for 60 min/)
  })

  it('a queue whose name a producer has misspelt', async () => {
    await world.queue('chat-lookup').add('lookup', { connectionId: 'x' })
    await finds('other-queues', 'warn', /1 jobs wait on chat-lookup,/)
  })

  it('a queue that somebody has paused, or limited', async () => {
    await world.queue(NAMES.lookupQueue).pause()
    await finds('queues-by-hand', 'warn', /chat-lookups was paused/)
    await world.queue(NAMES.lookupQueue).setGlobalConcurrency(1)
    await finds('queues-by-hand', 'warn', /limits chat-lookups to 1 at a time/)
  })

  it('a fleet that has been held by hand for long, and makes no call then', async () => {
    await isCalled()
    await new Holds(world.redis, keys()).begin('manual', 'maintenance', 10 * DAY_MS)
    const held = JSON.parse((await world.redis.hget(keys().hold, 'manual')) ?? '{}')
    await world.redis.hset(keys().hold, 'manual', JSON.stringify({ ...held, since: Date.now() - 3 * DAY_MS }))
    await finds('held', 'warn', /held for 72 h \(manual\): maintenance/, PROBE)
    await finds('service-answers', 'warn', /not called, because the fleet is held \(manual\)/, PROBE)
    expect(world.standIn.requests.all()).toEqual([])
  })

  it('a response code that was accepted by hand, and stands in no list', async () => {
    await isCalled()
    await new Holds(world.redis, keys()).release('me', { acceptCode: 5 })
    await finds('response-codes', 'warn', /responseCode 5 was accepted by hand/)
    const listed = await doctor({ ...good(), SOAP_NOT_FOUND_CODES: '5' }, {})
    expect(listed.filter(({ check }) => check === 'response-codes')).toEqual([])
  })
})

describe('the command', () => {
  it('prints a line of JSON for each finding, exit 1 where one fails, 0 with --advise', async () => {
    const env = { ...good(), REDIS_URL: 'redis://127.0.0.1:1' }
    const { code, stdout, stderr } = await run(['doctor', '--json'], env)
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    for (const line of parseLines(stdout)) expect(findingSchema.safeParse(line).error).toBeUndefined()
    expect(parseLines(stdout)).toContainEqual(expect.objectContaining({ check: 'service-wsdl', status: 'pass' }))
    expect((await run(['doctor', '--advise'], env)).code).toBe(0)
  })

  it('prints a line for each finding, with what to do, and the sum; exit 0 where none fails', async () => {
    const { code, stdout } = await run(['doctor', '--rate-limit-burst', '1000'], good())
    expect(code).toBe(0)
    expect(stdout).toMatch(/^pass {2}redis-reached +Redis answers at 127\.0\.0\.1:\d+$/m)
    expect(stdout).toMatch(/^warn {2}limits +RATE_LIMIT_BURST 1000 .*\n +do: lower the burst$/m)
    expect(stdout).toMatch(/\n\d+ checked: 0 fail, 1 warn\n$/)
  })

  it('has no check that these tests have not seen', () => {
    expect(CHECKS.filter((check) => !seen.has(check))).toEqual([])
  })
})
