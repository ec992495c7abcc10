import { mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Queue } from 'bullmq'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { run } from '../support/in-process.ts'
import { useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'
import { enqueuedSchema } from './schemas.ts'
import { parseLines, start } from './started.ts'

const world = useWorld()
let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'chat-enricher-cli-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const env = () => ({ REDIS_URL: world.redisUrl })
const jobs = (queue = NAMES.lookupQueue) => world.queue(queue).getJobs(['wait', 'delayed', 'prioritized'], 0, 99, true)
const linesOf = (stdout: string) => parseLines(stdout).map((line) => z.parse(enqueuedSchema, line))
const waiting = (queue = NAMES.lookupQueue) => world.queue(queue).getWaitingCount()

function fileWith(text: string): string {
  const file = join(folder, 'lookups')
  writeFileSync(file, text)
  return file
}

describe('enqueue with ids', () => {
  it('puts each on the lookup queue as it stands, and prints its lookup id', async () => {
    const { code, stdout, stderr } = await run(['enqueue', '123', ' 007 ', '--', '-5'], env())
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'enqueued 3 on chat-lookups\n' })
    const all = await jobs()
    expect(all.map(({ data }) => data)).toEqual([
      { connectionId: '123' },
      { connectionId: ' 007 ' },
      { connectionId: '-5' },
    ])
    expect(all.every(({ name }) => name === 'lookup')).toBe(true)
    expect(stdout).toBe(all.map(({ id, data }) => `${id}  ${data.connectionId}\n`).join(''))
  })

  it('--json prints a line of JSON for each', async () => {
    const { stdout } = await run(['enqueue', '1', '2', '--json'], env())
    const expected = (await jobs()).map(({ id, data }) => ({
      line: Number(data.connectionId),
      lookupId: id,
      connectionId: data.connectionId,
      correlationId: null,
    }))
    expect(linesOf(stdout)).toEqual(expected)
    expect(expected).toHaveLength(2)
  })

  it('--interactive, --priority and --correlation-id do what they say', async () => {
    await run(['enqueue', '1', '--interactive', '--priority', '3', '--correlation-id', 'order 7'], env())
    expect(await jobs()).toEqual([])
    const [job] = await jobs(NAMES.interactiveQueue)
    expect(job?.data).toEqual({ connectionId: '1', correlationId: 'order 7' })
    expect(job?.opts.priority).toBe(3)
  })

  it('--delay has it wait', async () => {
    await run(['enqueue', '1', '--delay', '60000'], env())
    const [job] = await world.queue(NAMES.lookupQueue).getDelayed()
    expect(job?.opts.delay).toBe(60_000)
  })

  it('of which one is none enqueues nothing, says which, and exits 2', async () => {
    const { code, stdout, stderr } = await run(['enqueue', '1', 'a\nb', '3'], env())
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toBe(
      'error: id 2 of 3: connectionId: expected no control characters, got a string of 3 characters; nothing was enqueued\n',
    )
    expect(await jobs()).toEqual([])
  })

  it('uses the queues and the prefix it is told', async () => {
    await run(['enqueue', '1', '--queue-prefix', '{ce}', '--lookup-queue', 'mine'], env())
    const queue = new Queue('mine', { connection: world.redis, prefix: '{ce}' })
    expect(await queue.getWaitingCount()).toBe(1)
  })
})

describe('enqueue --file', () => {
  const formats: [string, string][] = [
    ['one id a line', '1\r\n 2 \r\n'],
    ['CSV', 'correlationId;connectionId\n;1\n; 2 \n'],
    ['NDJSON', '{"connectionId":"1"}\n{"connectionId":" 2 "}'],
  ]
  it.each(formats)('takes %s, from a file or from standard input', async (_, text) => {
    const fromFile = await run(['enqueue', '--file', fileWith(text)], env())
    const fromInput = await run(['enqueue', '--file', '-'], env(), text)
    for (const { code, stdout, stderr } of [fromFile, fromInput]) {
      expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
      expect(stderr).toMatch(/^enqueued 2 on chat-lookups in .* \([\d,]+\/s\)\n$/)
    }
    expect((await jobs()).map(({ data }) => data.connectionId)).toEqual(['1', ' 2 ', '1', ' 2 '])
  })

  it('keeps what a line brings above what the command line gives to all', async () => {
    const text =
      '{"connectionId":"1","correlationId":"own","metadata":{"a":1},"expiresAt":"2030-01-01T00:00:00Z"}\n{"connectionId":"2"}'
    await run(['enqueue', '--file', '-', '--correlation-id', 'all'], env(), text)
    expect((await jobs()).map(({ data }) => data)).toEqual([
      { connectionId: '1', correlationId: 'own', metadata: { a: 1 }, expiresAt: '2030-01-01T00:00:00Z' },
      { connectionId: '2', correlationId: 'all' },
    ])
  })

  it('reports the lines that hold no lookup, enqueues the others, and exits 1', async () => {
    const { code, stderr } = await run(['enqueue', '--file', '-'], env(), '1\na\tb\n\n4\n')
    expect(code).toBe(1)
    expect(stderr.split('\n')[0]).toBe(
      'line 2: connectionId: expected no control characters, got a string of 3 characters; skipped',
    )
    expect(stderr).toMatch(/enqueued 2 on chat-lookups .*; 1 skipped\n$/)
    expect((await jobs()).map(({ data }) => data.connectionId)).toEqual(['1', '4'])
  })

  it('shows twenty of the bad lines, and counts all', async () => {
    const { code, stderr } = await run(['enqueue', '--file', '-', '--format', 'ndjson'], env(), 'x\n'.repeat(1000))
    expect(code).toBe(1)
    expect(stderr.match(/skipped$/gm)).toHaveLength(21)
    expect(stderr).toContain('more lines without a lookup: counted, not shown')
    expect(stderr).toMatch(/enqueued 0 .*; 1,000 skipped\n$/)
  })

  it('that is empty enqueues nothing, exit 0', async () => {
    const { code, stderr } = await run(['enqueue', '--file', fileWith('')], env())
    expect(code).toBe(0)
    expect(stderr).toMatch(/^enqueued 0 /)
  })

  it('that is no text of ours enqueues nothing, says what to do, exit 1', async () => {
    const { code, stderr } = await run(['enqueue', '--file', '-'], env(), 'Connection Id;x\n1;2\n')
    expect(code).toBe(1)
    expect(stderr).toBe('error: the file: a column of its CSV header: expected connectionId, got Connection Id\n')
    expect(await jobs()).toEqual([])
  })

  it('with the same idempotency key twice makes one lookup', async () => {
    const text = '{"connectionId":"1","idempotencyKey":"k"}\n'
    const ids = [
      await run(['enqueue', '--file', '-', '--json'], env(), text + text),
      await run(['enqueue', '--file', '-', '--json'], env(), text),
    ].flatMap(({ stdout }) => linesOf(stdout).map(({ lookupId }) => lookupId))
    expect(ids).toHaveLength(3)
    expect(new Set(ids).size).toBe(1)
    expect(await waiting()).toBe(1)
  })

  it('refuses one idempotency key for two connection ids by its line, in one file, in another, and in the other lane', async () => {
    const keyed = (connectionId: string) => `${JSON.stringify({ connectionId, idempotencyKey: 'k' })}\n`
    const one = await run(['enqueue', '--file', '-', '--json'], env(), `${keyed('1')}${keyed('2')}3\n${keyed('1')}`)
    expect(one.code).toBe(1)
    expect(one.stderr).toContain('line 2: idempotencyKey: was given before, with another connection id; skipped\n')
    expect(one.stderr).toMatch(/enqueued 1 on chat-lookups in .*, 1 were there already; 2 skipped\n$/)
    expect(linesOf(one.stdout).map(({ line, connectionId }) => [line, connectionId])).toEqual([
      [1, '1'],
      [4, '1'],
    ])
    for (const flags of [['--json'], ['--wait'], ['--json', '--interactive']]) {
      const other = await run(['enqueue', '--file', '-', ...flags], env(), keyed('2'))
      expect(other).toMatchObject({ code: 1, stdout: '' })
      expect(other.stderr).toContain('line 1: idempotencyKey: was given before, with another connection id; skipped\n')
    }
    expect(await waiting()).toBe(1)
  })

  it('counts those apart that were there already', async () => {
    const keyed = (...keys: string[]) =>
      keys.map((idempotencyKey) => `${JSON.stringify({ connectionId: '1', idempotencyKey })}\n`).join('')
    const first = await run(['enqueue', '--file', '-'], env(), keyed('a', 'b', 'a'))
    expect(first.stderr).toMatch(/enqueued 2 on chat-lookups in .*, 1 were there already\n$/)
    const again = await run(['enqueue', '--file', '-'], env(), keyed('b', 'c', 'a'))
    expect(again.stderr).toMatch(/enqueued 1 on chat-lookups in .*, 2 were there already\n$/)
    expect(await waiting()).toBe(3)
  })

  it('says how long the backlog takes at the limit, where that is long', async () => {
    const quick = await run(['enqueue', '--file', '-'], env(), '1\n2\n')
    expect(quick.stderr).not.toContain('limit')
    const limited = { ...env(), SOAP_ENDPOINT: 'http://127.0.0.1:1/x.asmx' }
    await run(['limit', '--rate', '0.01'], limited)
    const long = await run(['enqueue', '--file', '-'], limited, '1\n2\n')
    expect(long.stderr).toMatch(/at the limit of 0\.01 calls\/s, the \d lookups that wait take [5-9]\.?\d* min/)
  })

  it('- enqueues what has come at once, also while the input stays open', async () => {
    const { child, ended } = start(['enqueue', '--file', '-'], env())
    child.stdin?.write('1\n')
    await until('the first is on the queue', async () => (await waiting()) === 1)
    child.stdin?.end('2\n')
    expect((await ended).code).toBe(0)
    expect(await waiting()).toBe(2)
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('%s in the middle ends it, saying how far it came', async (signal) => {
    const { child, ended, stderr } = start(['enqueue', '--file', '-'], env())
    child.stdin?.write('1\n\n3\n')
    await until('they are on the queue', async () => (await waiting()) === 2)
    child.kill(signal)
    expect((await ended).code).toBe(130)
    expect(stderr()).toBe('stopped: enqueued 2 on chat-lookups, up to line 3\n')
    expect(await waiting()).toBe(2)
  })

  it('of 100,000 ids runs in bounded memory, shows progress in a log, and enqueues them all in order', async () => {
    const file = join(folder, 'many')
    const descriptor = openSync(file, 'w')
    for (let block = 0; block < 100; block++) {
      writeSync(descriptor, Array.from({ length: 1000 }, (_, index) => `${block * 1000 + index}\n`).join(''))
    }
    const { pid, ended, stderr } = start(['enqueue', '--file', file], env(), ['--max-old-space-size=48'])
    let peak = ''
    const done = ended.then(({ code }) => code)
    await until(
      'it has ended',
      async () => {
        const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
        peak = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? peak
        return stderr().includes('enqueued 100,000 on')
      },
      240_000,
    )
    expect(await done).toBe(0)
    expect(stderr()).toMatch(/^[\d,]+ enqueued \(\d+%\)$/m)
    expect(await waiting()).toBe(100_000)
    const ends = await world.queue(NAMES.lookupQueue).getJobs(['wait'], 99_998, 99_999, true)
    expect(ends.map(({ data }) => data.connectionId)).toEqual(['99998', '99999'])
    expect(Number(peak)).toBeLessThan(192 * 1024)
  }, 300_000)
})

describe('enqueue, when Redis goes away in the middle,', () => {
  it('says how far it came and that it is Redis, exit 1', async () => {
    const redis = await startEmbeddedRedis()
    try {
      const { child, ended, says, stderr } = start(['enqueue', '--file', '-', '--json'], { REDIS_URL: redis.url })
      child.stdin?.write('1\n')
      await says(/"connectionId":"1"/)
      process.kill(redis.pid, 'SIGKILL')
      child.stdin?.write('2\n')
      expect((await ended).code).toBe(1)
      expect(stderr()).toMatch(
        /^stopped: enqueued 1 on chat-lookups, up to line 1\nerror: REDIS_URL: expected a Redis that answers at 127/,
      )
    } finally {
      await redis.stop()
    }
  })
})
