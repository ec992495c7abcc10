import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { FlowProducer, Queue, QueueKeys, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { WHOLE_JOB } from '../../src/queues/bounded-reads.ts'
import { FINISH, FINISH_ARGS, FINISH_KEYS } from '../../src/queues/bull-finish.ts'
import {
  COUNTED_FIELDS,
  DELAYED_SCORE,
  delayedScoreAt,
  dueAt,
  FIELDS,
  keysOf,
  LISTS,
  LOCK,
  OF_A_JOB,
  OLD_MARK,
  PAUSED_FIELD,
  PLACES,
  PRIORITY_SCORE,
  QUEUE_KEYS,
  SORTED_SETS,
  WAKE,
} from '../../src/queues/bull-layout.ts'
import { connect } from '../support/queues.ts'
import { NAMES, until } from '../support/world.ts'

/** The Lua of the installed BullMQ, by the name of its file. */
const COMMANDS = join(dirname(createRequire(import.meta.url).resolve('bullmq')), '../esm/commands')
const lua = Object.fromEntries(
  readdirSync(COMMANDS, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.lua') && !file.startsWith('relay'))
    .map((file) => [file, readFileSync(join(COMMANDS, file), 'utf8')]),
)
const textOf = (file: string) => {
  const text = lua[file]
  if (text === undefined) throw new Error(`expected bullmq to have ${file}, got ${Object.keys(lua).length} others`)
  return text
}
const all = (pattern: RegExp, text: string) => [...text.matchAll(pattern)].map(([, found = '']) => found)
const unique = (texts: readonly string[]) => [...new Set(texts)].sort()

describe('the texts of the installed BullMQ', () => {
  it('know the keys of a queue that we know, and no other', () => {
    const ours = ['', ...PLACES, ...Object.values(QUEUE_KEYS)]
    expect(Object.keys(new QueueKeys().getKeys('q')).sort()).toEqual(unique(ours))
  })

  it('look for a job in every place that we know, and in no other', () => {
    expect(unique(all(/prefix \.\. "([^"]+)"/g, textOf('includes/removeJobFromAnyState.lua')))).toEqual(unique(PLACES))
  })

  it('know the keys of a job that we know', () => {
    const removed = all(/jobKey \.\. '([^']+)'/g, textOf('includes/removeJobKeys.lua'))
    const lock = all(/jobKey \.\. '([^']+)'/g, textOf('includes/prepareJobForProcessing.lua'))
    expect(lock).toEqual([LOCK])
    expect(unique([...removed, ...lock])).toEqual(unique(OF_A_JOB))
  })

  it('count up the fields that we know', () => {
    const counted = Object.values(lua).flatMap((text) => all(/"HINCRBY", job(?:Id)?Key, "(\w+)"/g, text))
    expect(unique(counted)).toEqual(unique(COUNTED_FIELDS))
  })

  it('make scores as we do', () => {
    const scores = all(/(0x[0-9a-f]+)/g, textOf('includes/getDelayedScore.lua'))
    expect(unique(scores)).toEqual([`0x${DELAYED_SCORE.toString(16)}`])
    const priorities = all(/(0x[0-9a-f]+)/g, textOf('includes/getPriorityScore.lua'))
    expect(unique(priorities)).toEqual([`0x${PRIORITY_SCORE.toString(16)}`])
  })

  it('wake workers as we do, and drop the old marks that we know', () => {
    expect(textOf('includes/addBaseMarkerIfNeeded.lua')).toContain(`"ZADD", markerKey, ${WAKE.score}, "${WAKE.member}"`)
    expect(textOf('includes/fetchNextJob.lua')).toContain(`string.sub(jobId, 1, ${OLD_MARK.length}) == "${OLD_MARK}"`)
    expect(textOf('includes/isQueuePaused.lua')).toContain(`"HEXISTS", queueMetaKey, "${PAUSED_FIELD}"`)
  })

  it('read a whole job in one place for workers, by HGETALL', () => {
    const readers = Object.keys(lua).filter((file) => /"HGETALL", jobKey\)/.test(textOf(file)))
    expect(readers).toEqual(['includes/prepareJobForProcessing.lua'])
    expect(textOf('includes/prepareJobForProcessing.lua').split(WHOLE_JOB)).toHaveLength(2)
  })

  it('end a job with as many keys and arguments as we know, of which the first are the queue’s', () => {
    const text = textOf(`${FINISH}-${FINISH_KEYS.queue + FINISH_KEYS.job}.lua`)
    const [, ...keys] = /KEYS\[1\][\s\S]*ARGV\[1\]/.exec(text)?.[0].split(/KEYS\[\d+\] /) ?? []
    const known = ['wait', 'active', 'prioritized', 'event', 'stalled', 'rate', 'delayed', 'paused', 'meta', 'pc']
    expect(keys.slice(0, FINISH_KEYS.queue).map((key) => key.split(' ')[0])).toEqual(known)
    expect(unique(all(/ARGV\[(\d+)\]/g, text))).toHaveLength(FINISH_ARGS)
  })

  it('keep what is deduplicated under the key and in the field that we know', () => {
    const onRemoval = textOf('includes/removeDeduplicationKeyIfNeededOnRemoval.lua')
    expect(onRemoval).toContain(`prefixKey .. "${QUEUE_KEYS.deduplication}:" .. deduplicationId`)
    expect(textOf('includes/storeJob.lua')).toContain(`"${FIELDS.deduplicationId}"`)
  })

  it('say of a job why it fails as soon as it is taken up, in the field that we know', () => {
    expect(textOf('moveStalledJobsToWait-9.lua')).toContain(`"HSET", jobKey, "${FIELDS.deferredFailure}"`)
  })
})

describe('jobs of the installed BullMQ', () => {
  const QUEUE = NAMES.lookupQueue
  const key = keysOf(NAMES, QUEUE)
  let embedded: EmbeddedRedis
  let redis: Redis
  let queue: Queue
  let worker: Worker | undefined

  beforeAll(async () => {
    embedded = await startEmbeddedRedis()
    redis = connect(embedded.url)
    queue = new Queue(QUEUE, { connection: redis })
  })
  afterAll(async () => {
    await worker?.close(true)
    redis.disconnect()
    await embedded.stop()
  })

  /** One job in each place where BullMQ 6 puts any; `wait` last, so that nobody takes it. */
  async function fillAllPlaces(): Promise<void> {
    await queue.add('lookup', {}, { jobId: 'is-failed' })
    await queue.add('lookup', {}, { jobId: 'is-completed' })
    await queue.add('lookup', {}, { jobId: 'is-active', deduplication: { id: 'd' } })
    worker = new Worker(QUEUE, null, { connection: redis, lockDuration: 60_000 })
    await (await worker.getNextJob('t'))?.moveToFailed(new Error('x'), 't', false)
    await (await worker.getNextJob('t'))?.moveToCompleted({}, 't', false)
    await worker.getNextJob('t')
    await queue.add('lookup', {}, { jobId: 'is-delayed', delay: 100_000 })
    await queue.add('lookup', {}, { jobId: 'is-prioritized', priority: 7 })
    const flow = new FlowProducer({ connection: redis })
    const child = { name: 'child', queueName: 'elsewhere' }
    await flow.add({ name: 'lookup', queueName: QUEUE, opts: { jobId: 'is-waiting-children' }, children: [child] })
    await queue.add('lookup', {}, { jobId: 'is-wait' })
  }

  it('lie where we look for them, with the fields and scores that we read', async () => {
    const before = Date.now()
    await fillAllPlaces()
    await until('all lie somewhere', async () => (await redis.llen(key('wait'))) === 1)
    for (const list of LISTS)
      expect(await redis.lrange(key(list), 0, -1)).toEqual(list === 'paused' ? [] : [`is-${list}`])
    for (const set of SORTED_SETS) expect(await redis.zrange(key(set), '0', '-1')).toEqual([`is-${set}`])

    const due = Number(await redis.zscore(key('delayed'), 'is-delayed'))
    expect(dueAt(due)).toBeGreaterThanOrEqual(before + 100_000)
    expect(due).toBeLessThanOrEqual(delayedScoreAt(dueAt(due)))
    expect(Math.floor(Number(await redis.zscore(key('prioritized'), 'is-prioritized')) / PRIORITY_SCORE)).toBe(7)

    const has = async (id: string) => Object.keys(await redis.hgetall(key(id)))
    const { name, data, options, timestamp, taken, attempts, finishedOn, returned, failedReason, processedOn } = FIELDS
    expect(await has('is-wait')).toEqual(expect.arrayContaining([name, data, options, timestamp]))
    expect(await has('is-active')).toEqual(expect.arrayContaining([taken, processedOn, FIELDS.deduplicationId]))
    expect(await has('is-completed')).toEqual(expect.arrayContaining([attempts, finishedOn, returned]))
    expect(await has('is-failed')).toEqual(expect.arrayContaining([finishedOn, failedReason]))
    expect(await redis.exists(key(`is-active${LOCK}`))).toBe(1)
    expect(await redis.get(key(`${QUEUE_KEYS.deduplication}:d`))).toBe('is-active')
  })
})
