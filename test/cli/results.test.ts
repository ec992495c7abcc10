import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Result } from '../../src/domain/result.ts'
import { run } from '../support/in-process.ts'
import { useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'
import { parseLines, start, watch } from './started.ts'

const world = useWorld()
let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'chat-enricher-results-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const results = () => world.queue(NAMES.resultQueue)
const left = async () => (await results().getJobs(['wait', 'active'])).map(({ data }) => data.lookupId as string)
const numbers = (count: number) => Array.from({ length: count }, (_, index) => `lk-${index}`)

/** As a worker publishes them. */
async function publish(count: number): Promise<void> {
  await results().addBulk(
    numbers(count).map((lookupId) => ({
      name: 'enriched',
      data: { version: 1, lookupId, connectionId: `é ${lookupId}`, status: 'enriched' },
      opts: { jobId: `rs-${lookupId}` },
    })),
  )
}

describe('results', () => {
  it('prints all there are as NDJSON in their order, removes them without a trace, and ends', async () => {
    await publish(20)
    const { code, stdout, stderr } = await run(['results'], world.env)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '20 results\n' })
    expect(parseLines<Result>(stdout).map(({ lookupId }) => lookupId)).toEqual(numbers(20))
    expect(parseLines<Result>(stdout)[0]?.connectionId).toBe('é lk-0')
    expect(await left()).toEqual([])
    expect(await world.redis.keys('bull:chat-results:rs-*')).toEqual([])
  })

  it('ends at once where there are none', async () => {
    expect(await run(['results'], world.env)).toEqual({ code: 0, stdout: '', stderr: '0 results\n' })
  })

  it('--limit takes exactly so many, and leaves the others', async () => {
    await publish(5)
    const { stdout, stderr } = await run(['results', '--limit', '2'], world.env)
    expect(parseLines<Result>(stdout).map(({ lookupId }) => lookupId)).toEqual(['lk-0', 'lk-1'])
    expect(stderr).toBe('2 results\n')
    expect((await results().getWaiting()).map(({ id }) => id)).toEqual(['rs-lk-2', 'rs-lk-3', 'rs-lk-4'])
    expect(await results().getActiveCount()).toBe(0)
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('--follow prints what comes, until %s, exit 0', async (signal) => {
    const { child, says, ended, stdout, stderr } = start(['results', '--follow'], world.env)
    await publish(1)
    await says(/"lk-0"/)
    // Its line is there before it is removed; only then is its id free again.
    await until('the first is removed', async () => (await left()).length === 0)
    await publish(3)
    await says(/"lk-2"/)
    child.kill(signal)
    expect(await ended).toEqual({ code: 0, signal: null })
    expect(parseLines(stdout())).toHaveLength(4)
    expect(stderr()).toBe('4 results\n')
    expect(await left()).toEqual([])
  })

  it('loses nothing to a reader that goes away before it has read: it is on the queue, at its front', async () => {
    const { child, ended, stderr } = start(['results', '--follow'], world.env)
    child.stdout?.destroy()
    await publish(3)
    expect(await ended).toEqual({ code: 0, signal: null })
    expect(stderr()).toBe('0 results\n')
    expect((await results().getWaiting()).map(({ id }) => id)).toEqual(['rs-lk-0', 'rs-lk-1', 'rs-lk-2'])
    expect(await results().getActiveCount()).toBe(0)
  })

  it('| head -1 has removed just what was written to the pipe; all others are on the queue', async () => {
    await publish(2000)
    const pipeline = `"${process.execPath}" dist/main.js results | head -1`
    const { ended, stdout, stderr } = watch('sh', ['-c', pipeline], world.env)
    await ended
    const written = Number(/^([\d,]+) results?\n$/.exec(stderr())?.[1]?.replace(',', ''))
    expect(parseLines<Result>(stdout()).map(({ lookupId }) => lookupId)).toEqual(['lk-0'])
    expect(written).toBeLessThan(2000)
    expect((await left()).sort()).toEqual(numbers(2000).slice(written).sort())
    expect(await results().getActiveCount()).toBe(0)
  })

  it('killed in the middle loses nothing: each result is printed, or is there again', async () => {
    await publish(3000)
    const { child, says, ended, stdout } = start(['results', '--follow'], world.env)
    await says(/"lk-50"/)
    child.kill('SIGKILL')
    await ended
    const complete = stdout().slice(0, stdout().lastIndexOf('\n') + 1)
    const printed = parseLines<Result>(complete).map(({ lookupId }) => lookupId)
    const remaining = await left()
    expect(new Set([...printed, ...remaining]).size).toBe(3000)
    expect(printed.length + remaining.length).toBeLessThanOrEqual(3001)
    expect(printed.length).toBeLessThan(3000)
  })

  it('>> a file on a full disk removes what is whole in the file, and nothing else; the next run cuts no line', async () => {
    await publish(40)
    const file = join(folder, 'full.ndjson')
    const toFile = (blocks: string) =>
      watch(
        'sh',
        ['-c', `ulimit -f ${blocks}; exec "${process.execPath}" dist/main.js results >> "${file}"`],
        world.env,
      )
    // A block has 512 or 1024 bytes: room for some ten or twenty lines, and a piece of the next.
    const full = toFile('2')
    expect(await full.ended).toEqual({ code: 1, signal: null })
    expect(full.stderr()).toMatch(/error: stdout: expected to write to its file, got EFBIG\n/)
    const before = readFileSync(file, 'utf8')
    const piece = before.slice(before.lastIndexOf('\n') + 1)
    expect(piece).not.toBe('')
    const whole = parseLines<Result>(before.slice(0, before.length - piece.length)).map(({ lookupId }) => lookupId)
    expect(await left()).toHaveLength(40 - whole.length)
    expect((await toFile('unlimited').ended).code).toBe(0)
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
    expect(lines.splice(whole.length, 1)).toEqual([piece])
    expect(lines.map((line) => (JSON.parse(line) as Result).lookupId)).toEqual(numbers(40))
    expect(await left()).toEqual([])
  })

  it('> a file, and >> one that ends with a line feed, adds no empty line', async () => {
    const file = join(folder, 'whole.ndjson')
    for (const redirect of ['>', '>>', '>>']) {
      await publish(2)
      const { ended } = watch(
        'sh',
        ['-c', `"${process.execPath}" dist/main.js results ${redirect} "${file}"`],
        world.env,
      )
      expect((await ended).code).toBe(0)
    }
    const again = [...numbers(2), ...numbers(2), ...numbers(2)]
    const lines = readFileSync(file, 'utf8').split('\n')
    expect(lines.pop()).toBe('')
    expect(lines.map((line) => (JSON.parse(line) as Result).lookupId)).toEqual(again)
  })

  it.each([
    ['data that is no JSON', { data: '{"version":1,' }],
    ['options that are no JSON', { opts: 'half' }],
    ['a progress that is no JSON', { progress: 'half' }],
  ])('goes on past a job with %s, which is set apart for good, and says so once', async (_, fields) => {
    await publish(3)
    await world.redis.hset('bull:chat-results:rs-lk-1', fields)
    const { code, stdout, stderr } = await run(['results'], world.env)
    expect(code).toBe(0)
    expect(parseLines<Result>(stdout).map(({ lookupId }) => lookupId)).toEqual(['lk-0', 'lk-2'])
    expect(stderr).toBe(
      '"rs-lk-1": expected a result, got a job that BullMQ cannot read; it is kept among the failed ones of chat-results, and the others are read\n2 results\n',
    )
    expect(await world.redis.zrange('bull:chat-results:failed', '0', '-1')).toEqual(['rs-lk-1'])
    expect(await world.redis.hgetall('bull:chat-results:rs-lk-1')).toMatchObject(fields)
    expect(await world.redis.exists('bull:chat-results:active', 'bull:chat-results:rs-lk-1:lock')).toBe(0)
    expect(await run(['results'], world.env)).toEqual({ code: 0, stdout: '', stderr: '0 results\n' })
  })

  it('are told from what another program has put on the queue', async () => {
    await publish(1)
    await world.queue(NAMES.resultQueue).add('lookup', { connectionId: '1' })
    const { stdout, stderr } = await run(['results'], world.env)
    expect(stdout.trim().split('\n')).toHaveLength(2)
    expect(stderr).toMatch(
      /^no results of ours: 1 line \(expected version, lookupId and status\)\. .*RESULT_QUEUE.*\n2 results\n$/,
    )
  })

  it('held by a reader that died come back to the next one; who does not wait is told of them', async () => {
    await publish(1)
    // What a reader leaves that was killed between taking a result and printing it, when its lock has ended.
    await world.redis.rpoplpush('bull:chat-results:wait', 'bull:chat-results:active')
    const impatient = await run(['results'], world.env)
    expect(impatient.stdout).toBe('')
    expect(impatient.stderr).toMatch(/^1 more result with other readers; from a reader that died they come back/)
    // The queue is looked at twice a minute; that it is time is said by a key that ends.
    await world.redis.del('bull:chat-results:stalled-check')
    const { says, child, ended } = start(['results', '--follow'], world.env)
    await says(/"lk-0"/)
    child.kill('SIGINT')
    await ended
    expect(await left()).toEqual([])
  })

  it('of a reader that takes its time are not given to another: the lock is kept', async () => {
    const { says, child, ended } = start(['results', '--follow'], world.env)
    child.stdout?.pause()
    const large = 'x'.repeat(1 << 20)
    await results().add('enriched', { version: 1, lookupId: 'lk-large', connectionId: large }, { jobId: 'rs-lk-large' })
    await until('it is being printed', async () => (await results().getActiveCount()) === 1)
    const lock = 'bull:chat-results:rs-lk-large:lock'
    await world.redis.pexpire(lock, 15_000)
    await until('the lock is renewed', async () => (await world.redis.pttl(lock)) > 20_000)
    child.stdout?.resume()
    await says(/"lk-large"/)
    await until('it is removed', async () => (await left()).length === 0)
    child.kill('SIGINT')
    expect((await ended).code).toBe(0)
  })
})
