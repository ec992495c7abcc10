import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { run } from '../support/in-process.ts'
import { startWorker } from '../support/processes.ts'
import { useWorld } from '../support/use-world.ts'
import { dryRunSchema } from './schemas.ts'

const world = useWorld()

const ofLookups = async () =>
  (await world.redis.keys('bull:chat-lookups:*')).filter((key) => !/:(events|stalled.*)$/.test(key)).sort()

/** What it says, and that the queue is as it was before. */
async function dry(input: string, ...args: string[]) {
  const before = await ofLookups()
  const ran = await run(['enqueue', '--dry-run', '--json', '--file', '-', ...args], world.env, input)
  expect(await ofLookups()).toEqual(before)
  expect(ran.stderr).toBe('')
  return { code: ran.code, told: z.parse(dryRunSchema, JSON.parse(ran.stdout)) }
}

describe('enqueue --dry-run', () => {
  it('counts lines, bad ones, repeats and calls, and enqueues nothing', async () => {
    const rows = ['1,k1', '1,', '2,', '2,k1', '1,k1', ' ,k2', ',', '3,k3']
    const { code, told } = await dry(`connectionId,idempotencyKey\n${rows.join('\n')}\n`)
    expect(code).toBe(1)
    expect(told).toMatchObject({
      lines: 8,
      bad: 2,
      firstBad: [
        { line: 5, problem: 'idempotencyKey: was given before, with another connection id' },
        { line: 8, problem: expect.stringContaining('connectionId: ') },
      ],
      lookups: 5,
      repeatedKeys: 1,
      repeatedIds: 1,
      isExact: true,
      callsAtMost: 5,
      callsShared: 4,
      perSecond: null,
      hours: null,
      quota: null,
      interactiveKeeps: null,
    })
  })

  it('knows what is on a queue already, and names no more than ten bad lines', async () => {
    const file = 'connectionId,idempotencyKey\n1,k1\n2,k2\n'
    await run(['enqueue', '--file', '-'], world.env, file)
    const { code, told } = await dry(`${file}3,k1\n4,k4\n${',x\n'.repeat(20)}`)
    expect(code).toBe(1)
    expect(told).toMatchObject({ lines: 24, bad: 21, lookups: 1, repeatedKeys: 2, backlog: 2 })
    expect(told.firstBad.map(({ line }) => line)).toEqual([4, 6, 7, 8, 9, 10, 11, 12, 13, 14])
  })

  it('says how long it takes at the limit in force, which part of the quota, and what the interactive lane keeps', async () => {
    await startWorker({ ...world.env, RATE_LIMIT_PER_SECOND: '20', QUOTA_CALLS: '10000', INTERACTIVE_SHARE: '0.25' })
    const ids = Array.from({ length: 3600 }, (_, index) => `${index}\n`).join('')
    const { code, told } = await dry(ids)
    expect(code).toBe(0)
    expect(told).toMatchObject({ perSecond: 20, hours: 0.05, interactiveKeeps: { share: 0.25, perSecond: 5 } })
    expect(told.quota).toEqual({ share: 0.36, calls: 10_000, left: 10_000 })
    await run(['release', '--pace', '0.5'], world.env)
    expect((await dry(ids)).told).toMatchObject({ perSecond: 10, hours: 0.1 })
    const { stdout } = await run(['enqueue', '--dry-run', '--file', '-'], world.env, ids)
    expect(stdout.split('\n')).toEqual([
      'nothing was enqueued. 3,600 lines: 3,600 lookups, 0 bad',
      'calls: 3,600 at most, before retries; no connection id comes twice',
      'time: 6 min at the limit of 10 calls/s',
      'quota: 36 % of 10,000 calls, of which 10,000 are left now',
      'the interactive lane keeps 25 % of the pace, 2.5 calls/s, while a lookup waits there',
      '',
    ])
  })

  it('is refused together with --wait, exit 2', async () => {
    const { code, stderr } = await run(['enqueue', '1', '--dry-run', '--wait'], world.env)
    expect(code).toBe(2)
    expect(stderr).toContain('expected --dry-run or --wait, got both')
  })
})
