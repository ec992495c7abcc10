/** Every action and every question of a fleet, on a Cluster of three masters: no script touches a key of another node. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type StandIn, startStandIn } from '../../src/stand-in/stand-in.ts'
import { type ClusterGroup, startClusterGroup } from '../faults/redis-groups.ts'
import { startApi, stopAll } from '../http/api.ts'
import { run } from '../support/in-process.ts'
import { killAll, type Ran, SOAP_SECRETS, startWorker } from '../support/processes.ts'
import { until } from '../support/world.ts'

let group: ClusterGroup
let standIn: StandIn
let env: Record<string, string | undefined>
const STREAM = '{chats}:results'
/** Each result that somebody has. */
let taken: string[]
beforeAll(async () => {
  ;[group, standIn] = await Promise.all([startClusterGroup({ replicas: 0 }), startStandIn()])
  env = {
    ...SOAP_SECRETS,
    ...group.env,
    SOAP_ENDPOINT: standIn.url,
    RATE_LIMIT_PER_SECOND: 'none',
    RESULT_STREAM: STREAM,
  }
})
afterAll(async () => {
  await Promise.all([killAll(), stopAll()])
  await Promise.all([group.close(), standIn.close()])
})

/** Its exit where something was looked for, or looked at, that is not there or not right. */
const MAY_BE_NONE = [0, 1]

/** What it prints, line by line. */
async function ask(args: string[], exits = [0], input = ''): Promise<Record<string, unknown>[]> {
  return linesOf(await run([...args, '--json'], env, input), exits)
}

function linesOf({ code, stdout, stderr }: Ran, exits = [0]): Record<string, unknown>[] {
  expect(exits, stderr).toContain(code)
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
}

async function one(args: string[]) {
  const [line = {}] = await ask(args)
  return line
}

async function found(...selection: string[]): Promise<number> {
  const lines = await ask(['find', ...selection], MAY_BE_NONE)
  expect(lines.at(-1)).toMatchObject({ complete: true })
  return lines.length - 1
}

const ids: string[] = []
async function enqueue(args: string[], connectionIds: string[]): Promise<string[]> {
  const input = connectionIds.map((id) => `${id}\n`).join('')
  const lines = await ask(['enqueue', '--file', '-', '--format', 'lines', ...args], [0], input)
  const added = lines.map(({ lookupId }) => String(lookupId))
  ids.push(...added)
  return added
}
const numbered = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name}-${index}`)

describe('on a Cluster, with no worker', () => {
  let named: string[]

  it('lookups are enqueued to every place, counted and found there', async () => {
    named = await enqueue(['--producer', 'import'], numbered('plain', 40))
    await enqueue(['--producer', 'soon', '--delay', '3600000'], numbered('late', 3))
    await enqueue(['--priority', '5', '--correlation-id', 'order-1'], numbered('low', 3))
    await enqueue(['--interactive'], numbered('person', 2))
    expect(await found('--all')).toBe(48)
    expect(await found('--producer', 'import')).toBe(40)
    expect(await found('--state', 'delayed')).toBe(3)
    expect(await found('--correlation-id', 'order-1', '--newer-than', '1h')).toBe(3)
    expect(await found('--queue', 'interactive', '--connection-id', 'person-1')).toBe(1)
    expect(await found('--failure', 'cancelled')).toBe(0)
    expect(await one(['status'])).toMatchObject({ queues: [{ jobs: { delayed: 3, prioritized: 3 } }, {}, {}] })
    expect(await one(['status', named[0] ?? ''])).toMatchObject({ state: 'waiting' })
    expect(await one(['enqueue', 'plain-0', '--dry-run'])).toMatchObject({ lookups: 1 })
  })

  it('they are cancelled by id and by selection, put back, dropped and forgotten', async () => {
    expect(await one(['cancel', named[0] ?? '', named[39] ?? ''])).toMatchObject({ cancelled: 2 })
    expect(await one(['cancel', '--producer', 'soon', '--dry-run'])).toMatchObject({ count: 3 })
    expect(await one(['cancel', '--producer', 'soon', '--yes'])).toMatchObject({ cancelled: 3 })
    expect(await one(['cancel', '--correlation-id', 'order-1', '--yes'])).toMatchObject({ cancelled: 3 })
    expect(await one(['cancel', '--queue', 'interactive', '--yes'])).toMatchObject({ cancelled: 2 })
    expect(await one(['dead-letters'])).toMatchObject({ failure: 'cancelled', count: 10 })
    expect(await one(['dead-letters', 'redrive', named[0] ?? ''])).toMatchObject({ done: 1 })
    expect(await one(['dead-letters', 'redrive', '--producer', 'soon', '--dry-run'])).toMatchObject({ count: 3 })
    expect(await one(['dead-letters', 'redrive', '--producer', 'soon', '--yes'])).toMatchObject({ done: 3 })
    expect(await one(['dead-letters', 'drop', '--correlation-id', 'order-1', '--yes', '--reason', 'x'])).toMatchObject({
      done: 3,
    })
    expect(await one(['forget', 'person-0'])).toMatchObject({ removed: { lookups: 1, results: 1 } })
    expect(await found('--state', 'dead')).toBe(2)
    expect((await ask(['activity'])).map(({ action }) => action).sort()).toEqual(
      [...Array(4).fill('cancel'), 'drop', 'forget', 'redrive', 'redrive'].sort(),
    )
  })

  it('the fleet is held, limited and released', async () => {
    const say = async (...args: string[]) => expect(await run(args, env)).toMatchObject({ code: 0, stderr: '' })
    await say('hold', '--reason', 'maintenance')
    await say('limit', '--rate', '500', '--in-flight', '50')
    expect(await one(['status'])).toMatchObject({ holds: [{ reason: 'manual' }] })
    await say('release', '--pace', '0.5')
    await say('release')
    await say('limit', '--reset')
    const findings = await ask(['doctor'], MAY_BE_NONE)
    expect(findings.length).toBeGreaterThan(10)
    expect(findings.filter(({ check, status }) => `${check}`.startsWith('redis') && status === 'fail')).toEqual([])
  })
})

describe('on a Cluster, with a worker', () => {
  it('each gets its results, is found among the finished, put back from there, and forgotten', async () => {
    await startWorker(env)
    const [waited] = await ask(['enqueue', 'somebody-waits', '--wait'])
    expect(waited).toMatchObject({ status: 'enriched' })
    await until('all have ended', async () => (await found('--state', 'finished')) >= 43)
    expect(await found('--state', 'finished', '--producer', 'import')).toBe(39)
    expect(await one(['status', ids[1] ?? ''])).toMatchObject({ state: 'completed' })
    const redrive = ['dead-letters', 'redrive', '--state', 'finished', '--connection-id', 'plain-1', '--yes']
    expect(await one(redrive)).toMatchObject({ done: 1 })
    await until('it has ended again', async () => (await one(['status', ids[1] ?? ''])).redrive === 1)
    await until('it is kept', async () => (await found('--state', 'finished', '--connection-id', 'plain-1')) === 1)
    expect(await one(['forget', 'plain-2'])).toMatchObject({ removed: { lookups: 1, results: 1 } })
    const results = linesOf(await run(['results'], env))
    const seen = results.map(({ lookupId, redrive }) => `${lookupId} ${redrive}`)
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.filter((name) => name.startsWith(`${ids[1]} `)).sort()).toEqual([`${ids[1]} 0`, `${ids[1]} 1`])
    expect(results.length).toBe(10 + 4 + 38 - 1 - 1 + 1)
    taken = [...seen, `${waited?.lookupId} 0`] // whose result was waited for: it is not on the queue
  })

  it('has the same results in its stream, each once, from which clients go on', async () => {
    const { redis } = await group.master()
    const entries = (await redis.xrange(STREAM, '-', '+')).map(([id, [, json = '']]) => ({ id, name: nameOf(json) }))
    expect(entries.map(({ name }) => name).sort()).toEqual(taken.toSorted())
    const { url } = await startApi({ ...group.env, RESULT_STREAM: STREAM } as Record<string, string>)
    const [first, ...rest] = entries
    const behind = await events(url, first?.id ?? '', rest.length)
    expect(behind).toEqual(rest.map(({ id, name }) => `${id} ${name}`))

    await redis.config('SET', 'stream-node-max-entries', '10') // what is trimmed goes by whole blocks
    env.RESULT_STREAM_MAXLEN = '20'
    const late = await enqueue(['--producer', 'later', '--delay', '3600000'], numbered('later', 60))
    expect(await one(['cancel', '--producer', 'later', '--rate', '10000', '--yes'])).toMatchObject({ cancelled: 60 })
    const kept = await redis.xrange(STREAM, '-', '+')
    expect(kept.length).toBeGreaterThanOrEqual(20)
    expect(kept.length).toBeLessThan(40)
    expect(late).toContain(nameOf(kept.at(-1)?.[1][1] ?? '').split(' ')[0])
    const [gap, ...after] = await events(url, first?.id ?? '', kept.length + 1)
    expect([gap, after.length]).toEqual(['gap', kept.length])
  })
})

function nameOf(json: string): string {
  const { lookupId, redrive } = JSON.parse(json)
  return `${lookupId} ${redrive}`
}

/** The events behind this one, until so many have come. */
async function events(url: string, lastId: string, count: number): Promise<string[]> {
  const leave = new AbortController()
  const answer = await fetch(`${url}/v1/results/stream`, { headers: { 'last-event-id': lastId }, signal: leave.signal })
  const heard: string[] = []
  const reading = (async () => {
    let text = ''
    for await (const bytes of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
      const parts = (text + Buffer.from(bytes).toString()).split('\n\n')
      text = parts.pop() ?? ''
      for (const part of parts) {
        const [, id, json] = /^id: (\S+)\nevent: result\ndata: (.*)$/.exec(part) ?? []
        if (id && json) heard.push(`${id} ${nameOf(json)}`)
        else if (part.startsWith('event: gap')) heard.push('gap')
      }
    }
  })().catch(() => {})
  await until('all events have come', () => heard.length >= count)
  leave.abort()
  await reading
  return heard
}
