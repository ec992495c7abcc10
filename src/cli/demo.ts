import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Presets, SingleBar } from 'cli-progress'
import Table from 'cli-table3'
import { Command } from 'commander'
import { monotonic, within } from '../clock.ts'
import type { Result } from '../domain/result.ts'
import { type EmbeddedRedis, startEmbeddedRedis } from '../embedded-redis.ts'
import { submit, toLookup } from '../intake/submit.ts'
import { LookupQueues } from '../queues/lookup-queue.ts'
import type { QueueNames } from '../queues/names.ts'
import { commandConnection, type Redis } from '../queues/redis.ts'
import { ResultConsumer } from '../queues/result-consumer.ts'
import { type StandIn, startStandIn } from '../stand-in/stand-in.ts'
import type { CliCommand } from './command.ts'
import { wholeNumber } from './positive.ts'
import { interruption, number, print, say, seconds, whenAborted } from './terminal.ts'

const WORKERS = 2
const CALLS_PER_SECOND = 100
const SERVICE_LATENCY_MS: [number, number] = [40, 160]
const SAMPLE = 5

export function demoCommand(): CliCommand {
  const command = new Command('demo')
    .description(
      `All of it on this machine: a Redis of its own, the stand-in of the service, ${WORKERS} workers; enriches chats, live.`,
    )
    .option('--lookups <n>', 'how many', wholeNumber(1, 1_000_000), 1000)
    .option('--once', 'end when they are enriched')
    .addHelpText(
      'after',
      '\nWith REDIS_URL set, that Redis is used, under a prefix of its own that is removed at the end.',
    )
  return { command, action: runDemo }
}

async function runDemo(command: Command): Promise<number> {
  const { lookups, once: endThere } = command.opts() as { lookups: number; once?: boolean }
  const stop = interruption()
  const demo = new Demo()
  try {
    await demo.start()
    const complete = await demo.enrich(lookups, stop)
    await demo.report()
    if (endThere || stop.aborted) return complete ? 0 : 1
    say('\nAll of it stays up until Ctrl-C.')
    await whenAborted(stop)
    return complete ? 0 : 1
  } finally {
    await demo.stop()
  }
}

class Demo {
  readonly #results: Result[] = []
  readonly #counts = new Map<string, number>()
  readonly #latencies: number[] = []
  #redisProcess: EmbeddedRedis | null = null
  #redis: Redis | null = null
  #standIn: StandIn | null = null
  #workers: { process: ChildProcess; url: string }[] = []
  #names: QueueNames = {
    prefix: `demo-${randomBytes(4).toString('hex')}`,
    lookupQueue: 'chat-lookups',
    interactiveQueue: 'chat-lookups-interactive',
    resultQueue: 'chat-results',
  }

  async start(): Promise<void> {
    const given = process.env.REDIS_URL
    if (!given) this.#redisProcess = await startEmbeddedRedis()
    const url = given || (this.#redisProcess as EmbeddedRedis).url
    this.#redis = commandConnection(url, 'demo')
    this.#redis.on('error', () => {})
    await this.#redis.ping()
    say(`Redis      ${new URL(url).host}${given ? '' : ' (its own, gone at the end)'}`)
    this.#standIn = await startStandIn({ latencyMs: SERVICE_LATENCY_MS })
    say(`service    ${this.#standIn.url} (stand-in, ${SERVICE_LATENCY_MS.join(' to ')} ms an answer)`)
    this.#workers = await Promise.all(Array.from({ length: WORKERS }, () => this.#startWorker(url)))
    for (const { process: worker, url: at } of this.#workers) say(`worker     pid ${worker.pid}, ${at}/metrics`)
    say(`limit      ${CALLS_PER_SECOND} calls a second, for all workers together\n`)
  }

  async #startWorker(redisUrl: string): Promise<{ process: ChildProcess; url: string }> {
    const main = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../main.ts' : '../main.js', import.meta.url))
    const worker = fork(main, ['worker'], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'], // it ends when the channel to this process does
      detached: true, // and not by the terminal's Ctrl-C, before this process has said its last
      env: {
        PATH: process.env.PATH,
        REDIS_URL: redisUrl,
        QUEUE_PREFIX: this.#names.prefix,
        SOAP_ENDPOINT: this.#standIn?.url,
        SOAP_PUBLIC_KEY_1: 'demo',
        SOAP_ENCRYPTED_USER: 'demo',
        SOAP_ENCRYPTED_PASSWORD: 'demo',
        SOAP_ENCRYPTED_SIGNATURE: 'demo',
        RATE_LIMIT_PER_SECOND: String(CALLS_PER_SECOND),
        METRICS_HOST: '127.0.0.1',
        METRICS_PORT: '0',
        LOG_FORMAT: 'json',
      },
    })
    return { process: worker, url: await this.#readyAt(worker) }
  }

  /** A worker's log says where its metrics are, and then that it has started. Its warnings are passed on. */
  #readyAt(worker: ChildProcess): Promise<string> {
    return new Promise((resolve, reject) => {
      let url = ''
      let rest = ''
      worker.once('exit', (code) => reject(new Error(`a worker of the demo ended with exit code ${code}`)))
      worker.stderr?.on('data', (data: Buffer) => {
        const lines = (rest + data.toString()).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) {
          const { msg = line, url: metrics, level = 50 } = parsed(line)
          if (metrics) url = metrics.replace(/\/metrics$/, '')
          if (msg === 'worker started') resolve(url)
          if (level >= 40) say(`worker ${worker.pid}: ${msg}`)
        }
      })
    })
  }

  /** Enqueues, and consumes the results as a CRM would, until there are as many. False if interrupted. */
  async enrich(count: number, stop: AbortSignal): Promise<boolean> {
    const queues = new LookupQueues(this.#redis as Redis, this.#names)
    const lookups = Array.from({ length: count }, (_, index) => toLookup({ connectionId: String(100_001 + index) }))
    for await (const _ of submit(
      queues,
      'batch',
      lookups.filter((lookup) => lookup.ok).map(({ lookup }) => lookup),
    ));
    say(`enqueued ${number.format(count)} lookups`)
    const consumer = new ResultConsumer(this.#redis as Redis, this.#names)
    await consumer.start()
    const progress = new LiveProgress(count)
    while (this.#results.length < count && !stop.aborted) {
      await consumer.next(async (result) => this.#take(result), true)
      progress.show(this.#results.length, this.#latencies)
    }
    progress.end(this.#results.length, this.#latencies)
    await consumer.close()
    return this.#results.length === count
  }

  #take(result: Result): void {
    this.#results.push(result)
    this.#counts.set(result.status, (this.#counts.get(result.status) ?? 0) + 1)
    this.#latencies.push(Date.parse(result.finishedAt) - Date.parse(result.enqueuedAt))
  }

  async report(): Promise<void> {
    const table = new Table({
      head: ['connection id', 'queue', 'case', 'customer', 'e-mail', 'created', 'calls'],
      style: { head: [], border: [] },
    })
    for (const { connectionId, chatRequest, calls } of this.#results.slice(0, SAMPLE)) {
      const { idQueue, caseNumber, userName, userLastName, userEmail, creationDate } = chatRequest ?? {}
      const customer = [userName, userLastName].filter(Boolean).join(' ')
      table.push(
        [connectionId, idQueue, caseNumber, customer, userEmail, creationDate, calls].map((cell) => cell ?? '-'),
      )
    }
    await print(`\n${table.toString()}`)
    for (const [status, count] of this.#counts) await print(`${status} ${number.format(count)}`)
    await print(
      `calls the service saw: ${number.format(this.#standIn?.requests.all().length ?? 0)}, at most ${this.#standIn?.requests.maxInAnySlidingSecond()} in any second`,
    )
    await print('')
    for (const { url } of this.#workers) await print(`metrics    ${url}/metrics`)
    await print(`stand-in   ${this.#standIn?.origin}/`)
  }

  /** In the order in which each uses the next. */
  async stop(): Promise<void> {
    await Promise.all(this.#workers.map(({ process: worker }) => ended(worker)))
    await this.#standIn?.close()
    if (this.#redis && !this.#redisProcess) await removePrefix(this.#redis, this.#names.prefix)
    this.#redis?.disconnect()
    await this.#redisProcess?.stop()
  }
}

const WORKER_MAY_TAKE_MS = 30_000

async function ended(worker: ChildProcess): Promise<void> {
  worker.removeAllListeners('exit')
  if (worker.exitCode !== null || worker.signalCode !== null) return
  const exit = once(worker, 'exit')
  worker.kill('SIGTERM')
  if ((await within(WORKER_MAY_TAKE_MS, exit)) === 'late') worker.kill('SIGKILL')
}

async function removePrefix(redis: Redis, prefix: string): Promise<void> {
  for await (const keys of redis.scanStream({ match: `${prefix}:*`, count: 1000 }) as AsyncIterable<string[]>) {
    if (keys.length > 0) await redis.unlink(keys)
  }
}

function parsed(line: string): { msg?: string; url?: string; level?: number } {
  try {
    return JSON.parse(line) as { msg?: string }
  } catch {
    return {}
  }
}

const SHOW_EVERY_MS = { terminal: 100, log: 2000 }

/** Rate, backlog and latency while it runs: a bar on a terminal, a line now and then in a log. */
class LiveProgress {
  readonly #total: number
  readonly #startedAt = monotonic()
  readonly #bar: SingleBar | null
  #shownAt = 0

  constructor(total: number) {
    this.#total = total
    const format = '{bar} {value}/{total} | {rate}/s | backlog {backlog} | p95 {p95}'
    this.#bar = process.stderr.isTTY ? new SingleBar({ format, hideCursor: true }, Presets.shades_classic) : null
    this.#bar?.start(total, 0, this.#figures(0, []))
  }

  show(done: number, latencies: number[]): void {
    if (monotonic() - this.#shownAt < (this.#bar ? SHOW_EVERY_MS.terminal : SHOW_EVERY_MS.log)) return
    this.#shownAt = monotonic()
    const figures = this.#figures(done, latencies)
    if (this.#bar) this.#bar.update(done, figures)
    else say(line(done, this.#total, figures))
  }

  end(done: number, latencies: number[]): void {
    const figures = this.#figures(done, latencies)
    this.#bar?.update(done, figures)
    this.#bar?.stop()
    if (!this.#bar) say(line(done, this.#total, figures))
    say(`${number.format(done)} results in ${seconds(monotonic() - this.#startedAt)}`)
  }

  #figures(done: number, latencies: number[]) {
    const recent = latencies.slice(-500).sort((a, b) => a - b)
    return {
      rate: Math.round(done / Math.max(0.001, (monotonic() - this.#startedAt) / 1000)),
      backlog: number.format(this.#total - done),
      p95: seconds(recent[Math.floor(recent.length * 0.95)] ?? 0),
    }
  }
}

function line(
  done: number,
  total: number,
  { rate, backlog, p95 }: { rate: number; backlog: string; p95: string },
): string {
  return `${number.format(done)} of ${number.format(total)} | ${rate}/s | backlog ${backlog} | p95 ${p95}`
}
