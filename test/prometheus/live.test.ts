/**
 * A small fleet under load, watched by a real Prometheus and a real Alertmanager: every query of dashboards and rules finds
 * something, and alerts come and go with what a test can break. One run, in order, because all of it needs the same minute.
 */

import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dashboardFiles } from '../../grafana/src/dashboards.ts'
import { type Api, startApi } from '../http/api.ts'
import { hasAmtool, hasPromtool } from '../operations/promtool.ts'
import { pathOf } from '../operations/repository.ts'
import { RULES, titleOf } from '../operations/rule-tests.ts'
import { run } from '../support/in-process.ts'
import { killAll, SOAP_SECRETS, startWorker, type WorkerProcess } from '../support/processes.ts'
import { type Consumer, consume, NAMES, startWorld, until, type World } from '../support/world.ts'
import { operandsOf } from './operands.ts'
import { pictureOf } from './picture.ts'
import { freePort, type Prometheus, startPrometheus } from './server.ts'
import { shortenedQuery } from './shortened.ts'

const ADDRESSES = ['127.0.0.1', '127.0.0.2', '127.0.0.3']
const CALM = { latencyMs: 20, faultRate: 0 }

/** Queries that find nothing in this fleet, and why that is right. */
const MAY_BE_EMPTY: [query: RegExp, why: string][] = [
  [/tls_certificate/, 'the stand-in speaks plain HTTP'],
  [/webhook_/, 'no webhook runs here'],
  [/^absent\(/, 'there are workers'],
  [/deriv\(/, 'the memory of Redis may fall as well as rise'],
]

const canRun = hasPromtool && hasAmtool && process.getuid?.() === 0
if (!canRun) console.warn('skipped: it needs prometheus, prometheus-alertmanager, and root for the name server')
if (!canRun && process.env.CI === 'true') throw new Error('expected prometheus, prometheus-alertmanager and root')

let world: World
let api: Api
let prometheus: Prometheus
let workers: WorkerProcess[]
let consumer: Consumer | undefined
let port: number
let visits: NodeJS.Timeout | undefined
const env = (host: string) => ({
  ...world.env,
  METRICS_HOST: host,
  METRICS_PORT: String(port),
  RATE_LIMIT_PER_SECOND: '30',
  MAX_CALLS_IN_FLIGHT: '50',
  CONCURRENCY: '8',
  HOLD_MIN_MS: '500',
  HOLD_MAX_MS: '500',
  BREAKER_WINDOW_MS: '2000',
  LOOKUP_BACKOFF_MAX_MS: '2000',
})

describe.skipIf(!canRun)('on a real Prometheus', () => {
  beforeAll(async () => {
    world = await startWorld({ standIn: CALM, redisArguments: ['--maxmemory', '200mb'] })
    await world.redis.config('SET', 'maxmemory-policy', 'noeviction')
    port = await freePort()
    const apiPort = await freePort()
    api = await startApi({ ...world.env, API_PORT: String(apiPort) })
    prometheus = await startPrometheus({ workers: { addresses: ADDRESSES, port }, apiPort })
    await world.queue(NAMES.lookupQueue).addBulk(lookups(3000))
    workers = await Promise.all(ADDRESSES.map((host) => startWorker(env(host))))
    await api.ask('POST', '/v1/lookups', { body: { connectionId: 'by-api' } })
    visits = setInterval(() => void api.ask('GET', '/v1/status').catch(() => {}), 500)
  })

  afterAll(async () => {
    clearInterval(visits)
    await consumer?.close()
    await killAll()
    await prometheus?.stop()
    await api?.stop()
    await world?.close()
  })

  test('three workers of three addresses are found by their name', async () => {
    const wanted = ADDRESSES.map((host) => `${host}:${port}`)
    const has = async (job: string, wanted: string[]) => `${await prometheus.targets(job)}` === `${wanted}`
    await until('it scrapes all of them', () => has('chat-enricher', wanted))
    await until('it scrapes the API, too', () => has('chat-enricher-api', [api.url.replace('http://', '')]))
  })

  test('every query of a dashboard finds something', async () => {
    await until(
      'rates are there',
      async () => (await prometheus.query('sum(rate(chat_enricher_lookups_total[6s])) > 5')).length > 0,
    )
    const empty: string[] = []
    for (const { board, title, expr } of panelQueries()) {
      await finds(expr).catch(() => empty.push(`${board}, ${title}: ${expr}`))
    }
    expect(empty).toEqual([])
  })

  test('every rule finds what it looks at', async () => {
    const empty: string[] = []
    for (const rule of RULES) {
      for (const operand of operandsOf(shortenedQuery(rule.expr))) {
        await finds(operand).catch(() => empty.push(`${titleOf(rule)}: ${operand}`))
      }
    }
    expect(empty).toEqual([])
  })

  test('alerts of a backlog, and of results that nobody takes', async () => {
    await firing('QueueTooOld', 'WaitingBudgetBurn', 'ResultsNotConsumed')
    consumer = consume(world)
    await quiet('ResultsNotConsumed')
  })

  test('alerts of a service that is away, and nobody is told twice', async () => {
    await world.redis.config('SET', 'maxmemory-policy', 'allkeys-lru') // noticed within 5 s, and told below
    world.standIn.set({ faultRate: 1, faults: ['503'] })
    await firing('HeldForService', 'CallsBudgetBurn')
    const seen = await prometheus.query('max by (reason) (chat_enricher_hold_active) == 1')
    expect(seen.map(({ metric }) => metric.reason)).toEqual(['service'])
    await until('the others are inhibited', async () =>
      (await prometheus.told()).inhibited.includes('ChatEnricherCallsBudgetBurn'),
    )
    expect((await prometheus.told()).active).not.toContain('ChatEnricherNoProgress')
    world.standIn.set(CALM)
    await quiet('HeldForService')
  })

  test('alerts of refused credentials, and of a Redis whose policy was changed', async () => {
    const others = { publicKey1: 'x', encryptedUser: 'x', encryptedPassword: 'x', encryptedSignature: 'x' }
    world.standIn.set({ credentials: others, refuse: '401' })
    await firing('HeldForConfiguration')
    world.standIn.set({ credentials: null })
    await cli('release')
    await quiet('HeldForConfiguration')
    await firing('RedisEvicts')
    await world.redis.config('SET', 'maxmemory-policy', 'noeviction')
  })

  test('alerts of what somebody has done by hand, and of a worker that died', async () => {
    await cli('hold', '--reason', 'a test')
    await cli('limit', '--rate', '50')
    await workers[2]?.kill('SIGKILL')
    await firing('HeldByHand', 'LeftByHand', 'ProcessDown')
    await cli('release')
    await cli('limit', '--reset')
    workers[2] = await startWorker(env(ADDRESSES[2] ?? ''))
    await quiet('HeldByHand', 'LeftByHand', 'ProcessDown')
  })

  test('alerts of a Redis that hangs, and of one that has its policy again', async () => {
    await world.redis.client('PAUSE', 6000)
    await firing('RedisUnreachable')
    await quiet('RedisUnreachable', 'RedisEvicts')
  })

  test('each alert says what it is, and its runbook is there', async () => {
    const told = [...seen.values()]
    expect(told.length).toBeGreaterThan(8)
    for (const { labels, annotations } of told) {
      const { summary, description, runbook_url: runbook = '' } = annotations
      expect(`${summary} ${description}`, labels.alertname).not.toMatch(/<error|<no value>|NaN|%!/)
      const answer = await fetch(runbook.replace(/^http:\/\/[^/]+/, prometheus.url))
      expect(await answer.text(), runbook).toContain('Is anything lost?')
    }
  })

  test('the panels are drawn (DASHBOARD_PICTURES=1 puts them into docs/dashboards)', async () => {
    for (const [name, text] of dashboardFiles()) {
      const drawn = await pictureOf(JSON.parse(text), (expr) => prometheus.range(filled(expr), 75))
      expect(drawn.match(/<(polyline|rect class="cell"|text class="number")/g)?.length).toBeGreaterThan(10)
      const file = pathOf(`docs/dashboards/${name.replace('.json', '.svg')}`)
      if (process.env.DASHBOARD_PICTURES) writeFileSync(file, drawn)
    }
  })
})

/** Every alert that has fired. */
const seen = new Map<string, { labels: Record<string, string>; annotations: Record<string, string> }>()

async function namesFiring(): Promise<Set<string>> {
  const alerts = (await prometheus.alerts()).filter(({ state }) => state === 'firing')
  for (const alert of alerts) seen.set(alert.labels.alertname ?? '', alert)
  return new Set(alerts.map(({ labels }) => labels.alertname?.replace('ChatEnricher', '') ?? ''))
}

/** Resolves when each of them has fired, now or a moment ago. */
async function firing(...names: string[]): Promise<void> {
  let missing = names
  await until('alerts fire', async () => {
    await namesFiring()
    missing = names.filter((name) => !seen.has(`ChatEnricher${name}`))
    return missing.length === 0
  }).catch(async () => {
    const now = await Promise.all(missing.map((name) => stateOf(name)))
    throw new Error(`expected these alerts to fire:\n${now.join('\n')}`)
  })
}

/** What its expression's parts are now: for whoever has to find out why it does not fire. */
async function stateOf(name: string): Promise<string> {
  const rules = RULES.filter(({ alert }) => alert === `ChatEnricher${name}`)
  const operands = rules.flatMap(({ expr }) => operandsOf(shortenedQuery(expr)))
  const told = operands.map(async (expr) => `${expr}: ${(await prometheus.query(expr)).map(({ value }) => value?.[1])}`)
  return `${name}: ${(await Promise.all(told)).join('; ')}`
}

const quiet = (...names: string[]) =>
  until(`${names} are over`, async () => {
    const now = await namesFiring()
    return names.every((name) => !now.has(name))
  })

async function cli(...args: string[]): Promise<void> {
  const { code, stderr } = await run(args, { ...world.env, ...SOAP_SECRETS })
  expect(code, stderr).toBe(0)
}

function lookups(count: number) {
  return Array.from({ length: count }, (_, index) => ({ name: 'lookup', data: { connectionId: `c-${index}` } }))
}

function panelQueries() {
  return [...dashboardFiles()].flatMap(([board, text]) => {
    const { panels } = JSON.parse(text) as { panels: { title: string; targets?: { expr: string }[] }[] }
    return panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({ board, title, expr: filled(expr) })),
    )
  })
}

/** As Grafana fills in what was chosen: all. */
function filled(expr: string): string {
  return shortenedQuery(expr.replaceAll('$__rate_interval', '6s').replaceAll(/\$(job|role|instance)/g, '.+'))
}

async function finds(expr: string): Promise<void> {
  if (MAY_BE_EMPTY.some(([query]) => query.test(expr))) return
  await until(
    `there is data for ${expr}`,
    async () => {
      const found = await prometheus.query(expr)
      return found.some(({ value }) => value !== undefined && value[1] !== 'NaN')
    },
    3000,
  )
}
