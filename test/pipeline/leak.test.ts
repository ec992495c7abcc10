import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AnswersEntry, FAULT_KINDS } from '../../src/stand-in/stand-in.ts'
import { killAll, SOAP_SECRETS, startWorker, type WorkerProcess } from '../support/processes.ts'
import { type Consumer, consume, NAMES, startWorld, until, type World } from '../support/world.ts'

/** Somebody whose name is in every answer and every error text of the service; no other word is like it. */
const CUSTOMER = { UserName: 'Zoraide', UserLastName: 'Xavantina', UserEmail: 'zx@canary.example' }
const CANARIES = [...Object.values(CUSTOMER), ...Object.values(SOAP_SECRETS), 'correlation-canary', 'metadata-canary']
const IDS = FAULT_KINDS.map((kind) => `id-canary-${kind}`)
/** What ends a lookup. */
const LAST_WORDS: readonly string[] = ['client-fault', 'too-large', 'dtd']

let world: World
let consumer: Consumer
let worker: WorkerProcess

beforeAll(async () => {
  const response = { responseCode: 0, responseDescription: 'Success', encryptedSymmetrickey: 'k' }
  const chat = (id: string): AnswersEntry => ({ id, result: { response, ChatRequest: { IdRequest: 7, ...CUSTOMER } } })
  const string = `Server was unable to read the chat of ${CUSTOMER.UserName} ${CUSTOMER.UserLastName}.`
  const broken: AnswersEntry = { id: 'id-canary-broken', fault: { code: 'Server', string, detail: `<e>${string}</e>` } }
  const answers = [...IDS, 'id-canary-healthy'].map(chat)
  world = await startWorld({ standIn: { answers: [...answers, broken], retryAfter: '1' } })
  consumer = consume(world)
  worker = await startWorker({
    ...world.env,
    LOG_LEVEL: 'trace',
    RATE_LIMIT_PER_SECOND: 'none',
    // Time enough to read what is too large, also on a busy machine; and what the service says must not hold it for long.
    SOAP_CALL_TIMEOUT_MS: '1500',
    SOAP_CONNECT_TIMEOUT_MS: '1500',
    HOLD_MIN_MS: '200',
    HOLD_MAX_MS: '1000',
    CALL_RETRIES: '1',
    LOOKUP_ATTEMPTS: '2',
    LOOKUP_BACKOFF_MIN_MS: '10',
    LOOKUP_BACKOFF_MAX_MS: '50',
    RETRY_AFTER_MAX_MS: '100',
  })
  const queue = world.queue(NAMES.lookupQueue)
  const add = (connectionId: string) =>
    queue.add(
      'lookup',
      { connectionId, correlationId: 'correlation-canary', metadata: { from: 'metadata-canary' } },
      { jobId: `job-canary-${connectionId}` },
    )
  await add('id-canary-healthy')
  await consumer.have(1)
  for (const [index, kind] of FAULT_KINDS.entries()) {
    world.standIn.set({ faultRate: 1, faults: [kind] })
    await add(`id-canary-${kind}`)
    await until(`${kind} has happened`, () => world.standIn.requests.count(`id-canary-${kind}`) > 0)
    if (LAST_WORDS.includes(kind)) await consumer.have(2 + index)
    world.standIn.set({ faultRate: 0 })
    await consumer.have(2 + index)
  }
  await add('id-canary-broken')
  await consumer.have(2 + FAULT_KINDS.length)
}, 120_000)
afterAll(async () => {
  await consumer.close()
  await killAll()
  await world.close()
})

/** What `add` put there, within what is kept of a finished lookup. */
const ADDED = /\{"connectionId":"[^"]*","correlationId":"correlation-canary","metadata":\{"from":"metadata-canary"\}\}/g

/** Everything that Redis has of the lookup queues and of ours but the data that a producer put there. */
async function everythingKept(): Promise<string> {
  const kept: unknown[] = []
  for (const key of (await world.redis.keys('*')).filter((key) => !key.startsWith(`bull:${NAMES.resultQueue}:rs-`))) {
    const type = await world.redis.type(key)
    if (type === 'stream') kept.push(key, await world.redis.xrange(key, '-', '+'))
    else if (type === 'hash') {
      const { data: _, ...rest } = await world.redis.hgetall(key)
      kept.push(
        key,
        Object.entries(rest).map(([field, value]) => [field, value.replaceAll(ADDED, '')]),
      )
    } else if (type === 'string') kept.push(key, await world.redis.get(key))
  }
  return JSON.stringify(kept)
}

function found(text: string, canaries = CANARIES): string[] {
  return canaries.filter((canary) => text.includes(canary))
}

describe('after every kind of fault', () => {
  it('the consumer has the name, so the canary sings', () => {
    const enriched = consumer.results.filter(({ status }) => status === 'enriched')
    expect(enriched.length).toBeGreaterThan(1)
    expect(enriched[0]?.chatRequest).toMatchObject({ userName: 'Zoraide', userEmail: 'zx@canary.example' })
    expect(new Set(consumer.results.map(({ status }) => status)).size).toBeGreaterThan(2)
  })

  it('every lookup has its one result', () => {
    const ids = consumer.results.map(({ connectionId }) => connectionId)
    expect(ids.sort()).toEqual([...IDS, 'id-canary-healthy', 'id-canary-broken'].sort())
  })

  it('no name, credential, id or text of a producer is in the log', () => {
    expect(worker.log().split('\n').length).toBeGreaterThan(FAULT_KINDS.length)
    expect(found(worker.log(), [...CANARIES, 'id-canary', 'job-canary'])).toEqual([])
  })

  it('nor in the metrics', async () => {
    const metrics = await (await fetch(`${worker.url}/metrics`)).text()
    expect(metrics).toContain('chat_enricher_lookups_total{status="enriched"}')
    expect(found(metrics, [...CANARIES, 'id-canary', 'job-canary', '127.0.0.1'])).toEqual([])
  })

  it('no name or credential is on a job, in an event, or anywhere else in Redis but in a result', async () => {
    const kept = await everythingKept()
    expect(kept).toContain('failedReason')
    expect(found(kept)).toEqual([])
  })

  it('no name or credential is in the failure that a consumer is told of', () => {
    const failures = consumer.results.filter(({ failure }) => failure)
    expect(failures.length).toBeGreaterThan(2)
    expect(found(JSON.stringify(failures.map(({ failure }) => failure)))).toEqual([])
  })
})
