import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { endAll, watch } from '../cli/started.ts'
import { Packed } from '../support/packed.ts'
import { type Environment, killAll, startWorker } from '../support/processes.ts'
import { type Consumer, consume, NAMES, startWorld, until, type World } from '../support/world.ts'
import { Folder, has, PYTHON, packagesOf, program, runIn } from './programs.ts'

let world: World
let folder: Folder
beforeAll(async () => {
  world = await startWorld()
  await startWorker(world.env)
})
afterAll(async () => {
  await killAll()
  await world.close()
})
beforeEach(() => {
  folder = new Folder()
})
afterEach(async () => {
  await endAll()
  folder.remove()
})

function run(command: string, args: string[], env: Environment = {}): Promise<string> {
  const { hostname, port } = new URL(world.redisUrl)
  const redis = { REDIS_URL: world.redisUrl, REDIS_HOST: hostname, REDIS_PORT: port }
  return runIn(folder, command, args, { ...redis, ...env })
}

/** The one result that a consumer of the test's own gets for this lookup. */
async function resultOf(lookupId: string) {
  const consumer: Consumer = consume(world)
  try {
    await until(`${lookupId} has its result`, () => consumer.of(lookupId).length > 0)
    expect(consumer.of(lookupId)).toHaveLength(1)
    return consumer.of(lookupId)[0]
  } finally {
    await consumer.close()
  }
}

const answered = { connectionId: '12345', correlationId: 'order-7', status: 'enriched' }

describe('README: Node', () => {
  it('the library looks up, enqueues, and ends by itself', async () => {
    const packed = new Packed([])
    const consumer = consume(world)
    try {
      const printed = await packed.run('library.mjs', program('js', 'new ChatEnricher('), { REDIS_URL: world.redisUrl })
      const [lookup, ...acks] = printed.trim().split('\n')
      expect(lookup).toBe('enriched Luíza')
      expect(acks).toEqual([expect.stringMatching(/^lk-\w{32} true$/), expect.stringMatching(/^lk-\w{32} true$/)])
      const ids = acks.map((ack) => ack.split(' ')[0] ?? '')
      await until('both have their result', () => ids.every((id) => consumer.of(id).length === 1))
    } finally {
      await consumer.close()
      packed.remove()
    }
  })

  const producer = program('js', 'new Queue(')
  const consumer = program('js', 'new Worker(')

  it('the producer enqueues, the consumer prints the sample result, and both end by themselves', async () => {
    folder.install(packagesOf(producer))
    expect(packagesOf(consumer)).toEqual(packagesOf(producer))
    const lookupId = (await run(process.execPath, [folder.write('producer.mjs', producer)])).trim()
    const printed = await printedBy(folder.write('consumer.mjs', consumer))
    const sample = JSON.parse(program('json'))
    expect(sample.lookupId).toBe(lookupId)
    const times = { enqueuedAt: expect.stringMatching(/Z$/), finishedAt: expect.stringMatching(/Z$/) }
    const timing = Object.fromEntries(Object.keys(sample.timing).map((phase) => [phase, expect.any(Number)]))
    expect(printed).toEqual({ ...sample, ...times, timing })
    expect(Object.keys(printed as object)).toEqual(Object.keys(sample))
    expect(await world.queue(NAMES.resultQueue).count()).toBe(0)
  })

  it('both say that Redis is away, instead of dying of it', async () => {
    folder.install(packagesOf(producer))
    for (const text of [producer, consumer]) {
      const file = `${folder.path}/${folder.write('program.mjs', text)}`
      const away = watch(process.execPath, [file], { REDIS_URL: 'redis://127.0.0.1:1' })
      await away.says(/^Redis: connect ECONNREFUSED/m)
      expect(away.child.exitCode).toBeNull()
    }
  })

  /** What the consumer prints first; it is then told to stop. */
  async function printedBy(file: string): Promise<unknown> {
    const started = watch(process.execPath, [`${folder.path}/${file}`], { REDIS_URL: world.redisUrl })
    const [line] = await started.says(/^\{.*\}$/m)
    started.child.kill('SIGTERM')
    expect(await started.ended).toEqual({ code: 0, signal: null })
    return JSON.parse(line)
  }
})

describe('README: a MULTI', () => {
  it.skipIf(!has(PYTHON, '-c', 'import redis'))('of Python enqueues (skipped without python3-redis)', async () => {
    const lookupId = (await run(PYTHON, ['-I', folder.write('p.py', program('python'))])).trim()
    expect(await resultOf(lookupId)).toMatchObject({ lookupId, ...answered })
  })

  it.skipIf(!has('php', '-r', 'new Redis();'))('of PHP enqueues (skipped without php-redis)', async () => {
    const lookupId = (await run('php', [folder.write('p.php', program('php'))])).trim()
    expect(await resultOf(lookupId)).toMatchObject({ lookupId, ...answered })
  })

  const hasRedisCli = has('redis-cli', '--version') && has('jq', '--version')
  it.skipIf(!hasRedisCli)('of redis-cli prints its ChatRequest (skipped without redis-cli and jq)', async () => {
    const printed = await run('sh', ['-eu', folder.write('p.sh', program('sh', 'MULTI'))])
    expect(printed).not.toMatch(/error/i)
    expect(printed).toContain('"userName": "Luíza"')
    const [, lookupId = ''] = /^rs-(.*)$/.exec((await world.queue(NAMES.resultQueue).getJobs())[0]?.id ?? '') ?? []
    expect(await resultOf(lookupId)).toMatchObject({ connectionId: '12345', status: 'enriched' })
  })

  it('that is sent twice with one id, as after a lost answer, has one result', async () => {
    const lookupId = 'crm-sent-twice'
    const send = () =>
      world.redis
        .multi()
        .hset(`bull:chat-lookups:${lookupId}`, {
          name: 'lookup',
          data: '{"connectionId":"7"}',
          opts: '{}',
          timestamp: 1,
        })
        .lpush('bull:chat-lookups:wait', lookupId)
        .zadd('bull:chat-lookups:marker', 0, '0')
        .exec()
    const consumer = consume(world)
    await send()
    await send()
    await until('it has a result', () => consumer.of(lookupId).length > 0)
    await send()
    const lookups = world.queue(NAMES.lookupQueue)
    await until(
      'nothing waits',
      async () => {
        return (await lookups.getJobCountByTypes('waiting', 'active')) === 0
      },
      50_000,
    )
    await world.queue(NAMES.lookupQueue).add('lookup', { connectionId: '8' }, { jobId: 'crm-behind-it' })
    await until('who comes behind it has a result', () => consumer.of('crm-behind-it').length > 0)
    expect(consumer.of(lookupId)).toHaveLength(1)
    await consumer.close()
  }, 90_000)
})

describe('README: the shell', () => {
  it('enqueues, and takes the results', async () => {
    const path = folder.pathWithCommand()
    folder.write('ids.txt', '4\n5\n')
    const printed = await run('sh', ['-eu', folder.write('enqueue.sh', program('sh', '--wait'))], path)
    const results = printed.split('\n').filter((line) => line.startsWith('{'))
    expect(results.map((line) => JSON.parse(line).connectionId).sort()).toEqual(['12345', '67890'])
    const consumer = watch('sh', ['-c', `cd ${folder.path} && exec ${program('sh', 'results --follow')}`], {
      ...path,
      REDIS_URL: world.redisUrl,
    })
    await until('all four results are taken', async () => (await world.queue(NAMES.resultQueue).count()) === 0)
    consumer.child.kill('SIGTERM')
    await once(consumer.child, 'exit')
  })
})
