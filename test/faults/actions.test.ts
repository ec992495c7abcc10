import { afterEach, describe, expect, it } from 'vitest'
import { whoIsThis } from '../../src/cli/terminal/who.ts'
import { endAll, start } from '../cli/started.ts'
import { cancelIsInterrupted, redriveIsInterrupted, type Scene } from './interrupted-actions.ts'
import { startProxy } from './proxy.ts'
import { idle, type Rig, type RigWorker, startRig, until } from './rig.ts'

let rig: Rig
afterEach(async () => {
  await endAll()
  await rig.close()
})

const PACE = 40
const rigAt = async (env = {}) => {
  rig = await startRig({ workers: 2, env: { RATE_LIMIT_PER_SECOND: String(PACE), ...env } })
  rig.supervise()
}

async function command(...args: string[]): Promise<string> {
  const { ended, stdout, stderr } = start(args, rig.env)
  const { code } = await ended
  if (code !== 0) throw new Error(`${args.join(' ')}: exit ${code}: ${stderr()}`)
  return stdout()
}

const killWorker = (number: number) => (rig.workers[number] as RigWorker).kill('SIGKILL')
const failedAs = (code: string) => rig.auditor.results.filter(({ failure }) => failure?.code === code)

/** Every lookup has one result of each redrive, and what is left on the fleet is what was there before. */
async function ledgerIsClean(count: number): Promise<void> {
  await rig.auditor.complete(120_000)
  await idle(rig)
  const audit = rig.auditor.audit()
  expect(audit).toMatchObject({ accepted: count, lost: [], duplicates: [] })
  expect(await rig.charged()).toBe(0)
}

/** Runs a command and kills it as it acts: before Redis has been told, or before it hears what Redis did. */
async function killedAt(when: 'before' | 'after', args: string[]): Promise<void> {
  const proxy = await startProxy(rig.redisServer)
  const acting = start(args, { ...rig.env, REDIS_URL: `redis://127.0.0.1:${proxy.port}` })
  let isAsked = false
  proxy.watch = (text, direction, link) => {
    if (direction === 'to-server') isAsked ||= text.includes(whoIsThis())
    const isNow =
      when === 'before' ? direction === 'to-server' : direction === 'to-client' && !text.includes('NOSCRIPT')
    if (!isAsked || !isNow) return
    link.lose(direction)
    acting.child.kill('SIGKILL')
  }
  expect(await acting.ended).toEqual({ code: null, signal: 'SIGKILL' })
  await proxy.close()
}

const isHeld = async () => (JSON.parse(await command('status', '--json')) as { holds: unknown[] }).holds.length > 0
const rateSet = async () => (JSON.parse(await command('limit', '--json')) as { set: { rate?: number } }).set.rate

describe('an operator’s command and a worker that are killed in the middle', () => {
  it.each(['before', 'after'] as const)(
    'hold, limit, release (%s Redis has it): each is done or not, and again finishes it',
    async (when) => {
      await rigAt()
      await rig.enqueue(400)
      await until('some are answered', () => rig.auditor.results.length > 10)
      await killedAt(when, ['hold', '--reason', 'maintenance'])
      expect(await isHeld()).toBe(when === 'after')
      await killWorker(0)
      await command('hold', '--reason', 'maintenance')
      await until('no call is on its way', () => rig.service.inFlight === 0)
      const calls = rig.service.calls.length
      await killedAt(when, ['limit', '--rate', '60'])
      expect(await rateSet()).toBe(when === 'after' ? 60 : undefined)
      await command('limit', '--rate', '60')
      expect(rig.service.calls).toHaveLength(calls)
      await killedAt(when, ['release'])
      expect(await isHeld()).toBe(when === 'before')
      await killWorker(1)
      await command('release')
      await ledgerIsClean(400)
      expect(rig.auditor.audit().notEnriched).toEqual([])
    },
  )

  it('cancel: each has one result, an answer or that it was cancelled', async () => {
    await rigAt()
    await rig.enqueue(600)
    await until('some are answered', () => rig.auditor.results.length > 10)
    const args = ['cancel', '--all', '--yes', '--rate', '30']
    for (const worker of [0, 1]) {
      const had = failedAs('cancelled').length
      const acting = start(args, rig.env)
      await until('it cancels', () => failedAs('cancelled').length > had)
      await killWorker(worker)
      acting.child.kill('SIGKILL')
      await acting.ended
    }
    await command('cancel', '--all', '--yes', '--rate', '1000')
    await ledgerIsClean(600)
    const cancelled = failedAs('cancelled')
    expect(rig.auditor.audit().notEnriched).toEqual(cancelled)
    expect(await rig.queue().getFailedCount()).toBe(cancelled.length)
  })

  it('redrive: each that was put back has one more result, told apart by its number', async () => {
    await rigAt()
    await command('hold', '--reason', 'maintenance')
    await rig.enqueue(300)
    await command('cancel', '--all', '--yes', '--rate', '1000')
    await rig.auditor.complete()
    await command('release')
    const again = () => rig.auditor.results.filter(({ redrive }) => redrive === 1)
    const args = ['dead-letters', 'redrive', '--failure', 'cancelled', '--yes', '--rate', '30']
    for (const worker of [0, 1]) {
      const had = again().length
      const acting = start(args, rig.env)
      await until('some that were put back are answered', () => again().length > had + 5, 60_000)
      await killWorker(worker)
      acting.child.kill('SIGKILL')
      await acting.ended
    }
    await command(...args.slice(0, -1), '1000')
    await until('all are answered again', () => again().length >= 300, 120_000)
    await ledgerIsClean(300)
    expect(again()).toHaveLength(300)
    expect(new Set(again().map(({ status }) => status))).toEqual(new Set(['enriched']))
    expect(rig.auditor.results).toHaveLength(600)
    expect(await rig.queue().getFailedCount()).toBe(0)
  })
})

describe('a Redis that is killed in the middle, and started again with what is on its disk', () => {
  const scene = async (): Promise<Scene> => {
    await rigAt({ RATE_LIMIT_PER_SECOND: 'none' })
    const { env, auditor, enqueue, redisServer } = rig
    return { env, auditor, enqueue, lose: () => redisServer.kill(), restore: () => redisServer.start() }
  }

  it('cancel says so, and run again cancels the rest', async () => {
    await cancelIsInterrupted(await scene())
  })

  it('redrive says so, and run again puts the rest back', async () => {
    await redriveIsInterrupted(await scene())
  })
})
