/**
 * A small fleet under load, watched by a real Prometheus and a real Alertmanager: every query of dashboards and rules finds
 * something, and alerts come and go with what a test can break. One run, in order, because all of it needs the same minutes.
 * What can be broken at the same time is.
 */

import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dashboardFiles } from '../../grafana/src/dashboards.ts'
import { type Api, startApi } from '../http/api.ts'
import { hasAmtool, hasPromtool } from '../operations/promtool.ts'
import { pathOf } from '../operations/repository.ts'
import { RULES, titleOf } from '../operations/rule-tests.ts'
import { Authority } from '../support/authority.ts'
import { run } from '../support/in-process.ts'
import { killAll, SOAP_SECRETS, startWorker, type WorkerProcess } from '../support/processes.ts'
import { startTlsFront, type TlsFront } from '../support/tls-front.ts'
import { type Consumer, consume, NAMES, startWorld, until, type World } from '../support/world.ts'
import { type Receiver, SECRET, startReceiver } from '../webhook/receiver.ts'
import { Alerts } from './alerts.ts'
import { NOT_LIVE } from './not-live.ts'
import { operandsOf } from './operands.ts'
import { pictureOf } from './picture.ts'
import { BY_PORT, freePort, type Prometheus, startPrometheus } from './server.ts'
import { shortenedQuery } from './shortened.ts'

const ADDRESSES = ['127.0.0.1', '127.0.0.2', '127.0.0.3']
const WEBHOOK = '127.0.0.4'
const CALM = { latencyMs: 20, faultRate: 0 }
const LOOKUPS = 6000
const BACKLOG_LIMIT = 3000
const GIVE_UP = 80

/** Queries that find nothing in this fleet, and why that is right. */
const MAY_BE_EMPTY: [query: RegExp, why: string][] = [
  [/^absent\(/, 'there are workers'],
  [/webhook_deliveries_total/, 'the webhook is held, and tries one result in five minutes'],
  [/deriv\(/, 'the memory of Redis may fall as well as rise'],
]

const canRun = hasPromtool && hasAmtool && process.getuid?.() === 0
if (!canRun) console.warn('skipped: it needs prometheus, prometheus-alertmanager, and root for the name server')
if (!canRun && process.env.CI === 'true') throw new Error('expected prometheus, prometheus-alertmanager and root')

const folder = mkdtempSync(join(tmpdir(), 'prometheus-tls-'))
let authority: Authority
let world: World
let front: TlsFront
/** A port of one machine for each worker. */
let forwards: Server[]
let api: Api
let prometheus: Prometheus
let alerts: Alerts
let workers: WorkerProcess[]
let webhook: WorkerProcess
let receiver: Receiver
let consumer: Consumer | undefined
let port: number
let visits: NodeJS.Timeout | undefined
let env: (host: string) => Record<string, string>

describe.skipIf(!canRun)('on a real Prometheus', () => {
  beforeAll(async () => {
    world = await startWorld({ standIn: CALM, redisArguments: ['--maxmemory', '200mb'] })
    await world.redis.config('SET', 'maxmemory-policy', 'noeviction')
    authority = new Authority(folder)
    front = await startTlsFront(world.standIn.port, authority.issue('long'))
    port = await freePort()
    env = environment()
    const apiPort = await freePort()
    api = await startApi({ ...env('127.0.0.1'), API_PORT: String(apiPort) })
    forwards = await Promise.all(ADDRESSES.map((host) => startForward(port, host)))
    const otherPorts = forwards.map((server) => (server.address() as AddressInfo).port)
    prometheus = await startPrometheus({
      workers: { addresses: ADDRESSES, port },
      webhook: WEBHOOK,
      apiPort,
      otherPorts,
    })
    alerts = new Alerts(prometheus)
    receiver = await startReceiver()
    receiver.answer = () => ({ status: 410 })
    await world.queue(NAMES.lookupQueue).addBulk(lookups('c-', LOOKUPS))
    workers = await Promise.all(ADDRESSES.map((host) => startWorker(env(host))))
    webhook = await startWebhook()
    await api.ask('POST', '/v1/lookups', { body: { connectionId: 'by-api' } })
    visits = setInterval(() => void api.ask('GET', '/v1/status').catch(() => {}), 500)
  })

  afterAll(async () => {
    clearInterval(visits)
    alerts?.stop()
    await consumer?.close()
    await killAll()
    await prometheus?.stop()
    await api?.stop()
    await receiver?.close()
    front?.close()
    for (const forward of forwards ?? []) forward.close()
    await world?.close()
    rmSync(folder, { recursive: true })
  })

  test('three workers of three addresses are found by their name', async () => {
    const wanted = ADDRESSES.map((host) => `${host}:${port}`)
    const has = async (job: string, wanted: string[]) => `${await prometheus.targets(job)}` === `${wanted}`
    await until('it scrapes all of them', () => has('chat-enricher', wanted))
    await until('it scrapes the API, too', () => has('chat-enricher-api', [api.url.replace('http://', '')]))
  })

  test('three ports of one host are found by their SRV records', async () => {
    const wanted = forwards.map((server) => `one-host:${(server.address() as AddressInfo).port}`).sort()
    await until('it scrapes all of them', async () => `${await prometheus.targets(BY_PORT.job)}` === `${wanted}`)
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

  test('alerts of a backlog at the limit, and of a webhook whose receiver takes nothing', async () => {
    await alerts.firing(['QueueTooOld', 'WaitingBudgetBurn', 'LimitReached', 'WebhookHeld', 'ResultsNotConsumed'])
    // They give up at once. Dead letters are counted once a minute, so DeadLettersGrow comes while the next tests run.
    await world.queue(NAMES.interactiveQueue).addBulk(lookups('old-', GIVE_UP, { expiresAt: '2020-01-01T00:00:00Z' }))
    await world.queue(NAMES.resultQueue).addBulk(lookups('r-', BACKLOG_LIMIT))
    await alerts.firing(['HeldForResults'])
    await toldOf('WebhookHeld', ['ResultsNotConsumed', 'HeldForResults'])
    receiver.answer = () => ({ status: 204 })
    await webhook.kill('SIGTERM')
    webhook = await startWebhook()
    consumer = consume(world)
    await alerts.quiet('WebhookHeld', 'ResultsNotConsumed', 'HeldForResults')
  })

  test('alerts of a certificate that ends, and of a service that comes back and breaks again', async () => {
    front.show(authority.issue('short', { days: 5 }))
    await until('it flaps', async () => {
      const { body } = await api.ask('GET', '/v1/status')
      const isHeld = body.holds.some(({ reason }: { reason: string }) => reason === 'service')
      world.standIn.set(isHeld ? CALM : { faultRate: 1, faults: ['503'] })
      return alerts.hasFired('HoldsFlap')
    })
    world.standIn.set(CALM)
    await alerts.firing(['CertificateEnds'])
    front.show(authority.issue('renewed'))
    await alerts.quiet('CertificateEnds', 'HeldForService')
  })

  test('alerts of a service that is away, and nobody is told twice', async () => {
    await world.redis.config('SET', 'maxmemory-policy', 'allkeys-lru') // noticed within 5 s, and told below
    world.standIn.set({ faultRate: 1, faults: ['503'] })
    await alerts.firing(['HeldForService', 'CallsBudgetBurn'], { again: true })
    await until('it is held for the service alone', async () => {
      const held = await prometheus.query('max by (reason) (chat_enricher_hold_active) == 1')
      return `${held.map(({ metric }) => metric.reason)}` === 'service'
    })
    await toldOf('HeldForService', ['CallsBudgetBurn'])
    expect((await prometheus.told()).active).not.toContain('ChatEnricherNoProgress')
    // From here on the service knows none of the ids.
    world.standIn.set({ ...CALM, answers: unknownIds() })
    await alerts.quiet('HeldForService')
  })

  test('alerts of refused credentials, and of a Redis whose policy was changed', async () => {
    const others = { publicKey1: 'x', encryptedUser: 'x', encryptedPassword: 'x', encryptedSignature: 'x' }
    world.standIn.set({ credentials: others, refuse: '401' })
    await alerts.firing(['HeldForConfiguration'])
    world.standIn.set({ credentials: null })
    await cli('release')
    await alerts.quiet('HeldForConfiguration')
    await alerts.firing(['RedisEvicts'])
    await world.redis.config('SET', 'maxmemory-policy', 'noeviction')
  })

  test('alerts of what somebody has done by hand, and of a worker that died', async () => {
    await cli('hold', '--reason', 'a test')
    await cli('limit', '--rate', '50')
    await workers[2]?.kill('SIGKILL')
    await alerts.firing(['HeldByHand', 'LeftByHand', 'ProcessDown'])
    await cli('release')
    await cli('limit', '--reset')
    await restartThird({ CONCURRENCY: '1' })
    await alerts.quiet('HeldByHand', 'LeftByHand', 'ProcessDown')
  })

  test('alerts of a worker that does less than others, and of ids that are not known', async () => {
    world.standIn.set({ latencyMs: 700 }) // so slow that its one slot makes one call a second, and the others' nine
    await alerts.firing(['UnevenWorkers', 'NotFoundShare'])
    world.standIn.set({ ...CALM, answers: [] })
  })

  test('alerts of a quota that is spent', async () => {
    await restartThird({ QUOTA_CALLS: '20', QUOTA_PERIOD: '1h' })
    await alerts.firing(['HeldForQuota'])
    await restartThird()
    await cli('release')
    await alerts.quiet('HeldForQuota', 'UnevenWorkers', 'NotFoundShare', 'HoldsFlap')
  })

  test('alerts of a Redis that hangs, and of one that has its policy again', async () => {
    await world.redis.client('PAUSE', 8000)
    await alerts.firing(['RedisUnreachable', 'ApiErrors'])
    await alerts.quiet('RedisUnreachable', 'RedisEvicts')
  })

  test('alerts of a fleet without workers; and when nothing waits and nothing is broken, all is quiet', async () => {
    await Promise.all(workers.map((worker) => worker.kill('SIGKILL')))
    await alerts.firing(['Down'])
    workers = await Promise.all(ADDRESSES.map((host) => startWorker(env(host))))
    await world.queue(NAMES.lookupQueue).drain(true)
    const wanted = RULES.filter(({ alert }) => alert)
      .map(titleOf)
      .filter((title) => !(title in NOT_LIVE))
    const isOver = (title: string) => alerts.over.has(title)
    await until('each alert has come and gone', () => wanted.every(isOver), 60_000).catch(() => {})
    expect(
      wanted.filter((title) => !alerts.fired.has(title)),
      'never fired',
    ).toEqual([])
    expect(
      wanted.filter((title) => !isOver(title)),
      'never over',
    ).toEqual([])
    const titles = RULES.map(titleOf)
    expect(
      Object.keys(NOT_LIVE).filter((title) => !titles.includes(title)),
      'is no alert any more',
    ).toEqual([])
  })

  test('each alert says what it is, and its runbook is there', async () => {
    for (const { labels, annotations } of alerts.fired.values()) {
      const { summary, description, runbook_url: runbook = '' } = annotations
      expect(`${summary} ${description}`, labels.alertname).not.toMatch(/<error|<no value>|NaN|%!/)
      const answer = await fetch(runbook.replace(/^http:\/\/[^/]+/, prometheus.url))
      expect(await answer.text(), runbook).toContain('Is anything lost?')
    }
  })

  test('the panels are drawn (DASHBOARD_PICTURES=1 puts them into docs/dashboards)', async () => {
    for (const [name, text] of dashboardFiles()) {
      const drawn = await pictureOf(JSON.parse(text), (expr) => prometheus.range(filled(expr), 150))
      expect(drawn.match(/<(polyline|rect class="cell"|text class="number")/g)?.length).toBeGreaterThan(10)
      const file = pathOf(`docs/dashboards/${name.replace('.json', '.svg')}`)
      if (process.env.DASHBOARD_PICTURES) writeFileSync(file, drawn)
    }
  })
})

function environment() {
  const { pathname } = new URL(world.standIn.url)
  const settings = {
    ...world.env,
    SOAP_ENDPOINT: `https://127.0.0.1:${front.port}${pathname}`,
    SOAP_CA_FILE: authority.file,
    SOAP_NOT_FOUND_CODES: '5',
    METRICS_PORT: String(port),
    RATE_LIMIT_PER_SECOND: '20', // which a busy machine reaches, too
    MAX_CALLS_IN_FLIGHT: '50',
    CONCURRENCY: '8',
    HOLD_MIN_MS: '500',
    HOLD_MAX_MS: '500',
    BREAKER_WINDOW_MS: '2000',
    LOOKUP_BACKOFF_MAX_MS: '2000',
    RESULT_BACKLOG_LIMIT: String(BACKLOG_LIMIT),
  }
  return (host: string) => ({ ...settings, METRICS_HOST: host })
}

async function startForward(to: number, host: string): Promise<Server> {
  const server = createServer((socket) => {
    const worker = connect(to, host)
    socket.on('error', () => worker.destroy()).pipe(worker)
    worker.on('error', () => socket.destroy()).pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function startWebhook(): Promise<WorkerProcess> {
  return startWorker({ ...env(WEBHOOK), WEBHOOK_URL: receiver.url, WEBHOOK_SECRET: SECRET }, 'webhook')
}

async function restartThird(others: Record<string, string> = {}): Promise<void> {
  if (workers[2]?.child.exitCode === null && workers[2].child.signalCode === null) await workers[2].kill('SIGKILL')
  workers[2] = await startWorker({ ...env(ADDRESSES[2] ?? ''), ...others })
}

/** Somebody is told of the one, and nobody of what follows from it. */
async function toldOf(cause: string, effects: string[]): Promise<void> {
  const named = (names: string[]) => names.map((name) => `ChatEnricher${name}`)
  await until(`${effects} are inhibited, and ${cause} is told`, async () => {
    const { active, inhibited } = await prometheus.told()
    return (
      named([cause]).every((name) => active.includes(name)) && named(effects).every((name) => inhibited.includes(name))
    )
  })
}

async function cli(...args: string[]): Promise<void> {
  const { code, stderr } = await run(args, { ...env('127.0.0.1'), ...SOAP_SECRETS })
  expect(code, stderr).toBe(0)
}

function lookups(prefix: string, count: number, more = {}) {
  return Array.from({ length: count }, (_, index) => ({
    name: 'lookup',
    data: { connectionId: `${prefix}${index}`, ...more },
  }))
}

function unknownIds() {
  return lookups('c-', LOOKUPS).map(({ data }) => ({
    id: data.connectionId,
    result: { response: { responseCode: 5, responseDescription: 'No such chat' }, ChatRequest: null },
  }))
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

/** The past with which rules compare must have been scraped. */
const PAST_MS = 15_000

async function finds(expr: string): Promise<void> {
  if (MAY_BE_EMPTY.some(([query]) => query.test(expr))) return
  await until(
    `there is data for ${expr}`,
    async () => {
      const found = await prometheus.query(expr)
      return found.some(({ value }) => value !== undefined && value[1] !== 'NaN')
    },
    PAST_MS,
  )
}
