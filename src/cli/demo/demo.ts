import { randomBytes } from 'node:crypto'
import Table from 'cli-table3'
import { Command } from 'commander'
import type { Hall, NewLookup } from '../../app/hall.ts'
import { withHall } from '../../app/with-hall.ts'
import { loadConfig } from '../../config/config.ts'
import { toLookup } from '../../intake/submit.ts'
import { type StandIn, startStandIn } from '../../stand-in/stand-in.ts'
import type { CliCommand } from '../terminal/command.ts'
import { type Io, whenAborted } from '../terminal/io.ts'
import { wholeNumber } from '../terminal/positive.ts'
import { counted, NO_LINES_BETWEEN, number, PLAIN } from '../terminal/terminal.ts'
import { DemoProcess } from './demo-process.ts'
import { LiveProgress, Tally } from './demo-progress.ts'
import { startEmbeddedRedis } from './embedded-redis.ts'

const WORKERS = 2
const CALLS_PER_SECOND = 100
const SERVICE_LATENCY_MS: [number, number] = [40, 160]

export function demoCommand(): CliCommand {
  const command = new Command('demo')
    .option('--lookups <n>', 'how many', wholeNumber(1, 1_000_000), 1000)
    .option('--once', 'end when they are enriched')
    .addHelpText('after', EXAMPLE)
  return { command, action: runDemo }
}

const EXAMPLE = `
With REDIS_URL set, that Redis is used, under a prefix of its own that is removed at the end. Nothing is left behind.

Exit: 0 if each lookup has had its result; 1 if it was interrupted before.

Example:
  chat-enricher demo --lookups 5000 --once`

async function runDemo(command: Command, io: Io): Promise<number> {
  const options = command.opts() as { lookups: number; once?: boolean }
  const stop = io.interruption()
  const ownRedis =
    io.env.REDIS_URL || io.env.REDIS_URL_FILE ? null : await startEmbeddedRedis([], undefined, io.env.PATH)
  const redisUrl = ownRedis?.url ?? loadConfig(io.env, {}, [], ['redis']).config.redisUrl()
  try {
    const prefix = `demo-${randomBytes(4).toString('hex')}`
    const { config } = loadConfig({ REDIS_URL: redisUrl, QUEUE_PREFIX: prefix })
    return await withHall(config, 'demo', async (hall) => {
      io.say(`Redis      ${new URL(redisUrl).host}${ownRedis ? ' (its own, gone at the end)' : ''}`)
      const demo = new Demo(io, hall, { REDIS_URL: redisUrl, QUEUE_PREFIX: prefix })
      try {
        return await demo.run(options, stop)
      } finally {
        await demo.stop()
        if (!ownRedis) await hall.remove()
      }
    })
  } finally {
    await ownRedis?.stop()
  }
}

class Demo {
  readonly #io: Io
  readonly #hall: Hall
  readonly #where: { REDIS_URL: string; QUEUE_PREFIX: string }
  readonly #tally = new Tally()
  readonly #workers: DemoProcess[] = []
  #api: DemoProcess | null = null
  #apiUrl = ''
  #standIn: StandIn | null = null
  #metrics: string[] = []
  #failure: Error | null = null

  constructor(io: Io, hall: Hall, where: { REDIS_URL: string; QUEUE_PREFIX: string }) {
    this.#io = io
    this.#hall = hall
    this.#where = where
  }

  async run({ lookups, once }: { lookups: number; once?: boolean }, stop: AbortSignal): Promise<number> {
    await this.#start()
    await this.#enqueue(lookups, stop)
    await this.#consume(lookups, stop)
    if (this.#failure) throw this.#failure
    const complete = this.#tally.total === lookups
    await this.#report()
    if (!complete)
      this.#io.say(`stopped before the other ${number.format(lookups - this.#tally.total)} had their result`)
    if (!once && !stop.aborted) {
      this.#io.say('\nAll of it stays up until Ctrl-C.')
      await whenAborted(stop)
    }
    return complete ? 0 : 1
  }

  async #start(): Promise<void> {
    const standIn = await startStandIn({ latencyMs: SERVICE_LATENCY_MS })
    this.#standIn = standIn
    this.#io.say(`service    ${standIn.url} (stand-in, ${SERVICE_LATENCY_MS.join(' to ')} ms an answer)`)
    for (let count = 0; count < WORKERS; count++) this.#addWorker(standIn.url)
    this.#api = new DemoProcess(this.#io, { ...this.#where, SOAP_ENDPOINT: standIn.url }, 'api')
    this.#hear(this.#api)
    this.#metrics = await Promise.all(this.#workers.map((worker) => worker.started()))
    this.#apiUrl = await this.#api.started()
    for (const [index, { pid }] of this.#workers.entries())
      this.#io.say(`worker     pid ${pid}, ${this.#metrics[index]}/metrics`)
    this.#io.say(`console    ${this.#apiUrl}/`)
    this.#io.say(`API        ${this.#apiUrl}/docs`)
    this.#io.say(`limit      ${CALLS_PER_SECOND} calls a second, for all workers together\n`)
  }

  #addWorker(endpoint: string): void {
    const worker = new DemoProcess(this.#io, this.#environment(endpoint))
    this.#hear(worker)
    this.#workers.push(worker)
  }

  #hear(process: DemoProcess): void {
    process.died.catch((error: Error) => {
      this.#failure = error
    })
  }

  #environment(endpoint: string): NodeJS.ProcessEnv {
    return {
      ...this.#where,
      SOAP_ENDPOINT: endpoint,
      SOAP_PUBLIC_KEY_1: 'demo',
      SOAP_ENCRYPTED_USER: 'demo',
      SOAP_ENCRYPTED_PASSWORD: 'demo',
      SOAP_ENCRYPTED_SIGNATURE: 'demo',
      RATE_LIMIT_PER_SECOND: String(CALLS_PER_SECOND),
      SHUTDOWN_TIMEOUT_MS: '5000', // when the demo is killed its Redis is gone too, and there is nothing to wait for
    }
  }

  async #enqueue(count: number, stop: AbortSignal): Promise<void> {
    let enqueued = 0
    for await (const chunk of this.#hall.submit('batch', madeUp(count))) {
      enqueued += chunk.length
      if (stop.aborted) break
    }
    this.#io.say(`enqueued   ${counted(enqueued, 'lookup')}`)
  }

  /** Consumes results as a CRM would, until there are this many. */
  async #consume(count: number, stop: AbortSignal): Promise<void> {
    const consumer = await this.#hall.consumer()
    const progress = new LiveProgress(this.#io, count, this.#tally)
    while (this.#tally.total < count && !stop.aborted && !this.#failure) {
      await consumer.next(async (result) => this.#tally.take(result), true)
      progress.show()
    }
    progress.end()
    await consumer.close()
  }

  async #report(): Promise<void> {
    const { sample, statuses } = this.#tally
    const head = ['connection id', 'queue', 'case', 'customer', 'e-mail', 'created', 'calls']
    const table = new Table({ head, chars: NO_LINES_BETWEEN, style: PLAIN })
    for (const { connectionId, chatRequest, calls } of sample) {
      const { idQueue, caseNumber, userName, userLastName, userEmail, creationDate } = chatRequest ?? {}
      const customer = [userName, userLastName].filter(Boolean).join(' ')
      const row = [connectionId, idQueue, caseNumber, customer, userEmail, creationDate, calls]
      table.push(row.map((cell) => cell ?? '-'))
    }
    await this.#io.print(`\n${table.toString()}`)
    for (const [status, count] of statuses) await this.#io.print(`${status} ${number.format(count)}`)
    const { requests, origin } = this.#standIn as StandIn
    const most = requests.maxInAnySlidingSecond()
    await this.#io.print(
      `calls the service saw: ${number.format(requests.all().length)}, at most ${most} arrived in any second\n`,
    )
    for (const url of this.#metrics) await this.#io.print(`metrics    ${url}/metrics`)
    await this.#io.print(`API        ${this.#apiUrl}/docs`)
    await this.#io.print(`stand-in   ${origin}/`)
    await this.#io.print(`console    ${this.#apiUrl}/`)
  }

  /** The workers first, because they use the rest. */
  async stop(): Promise<void> {
    await Promise.all([...this.#workers, this.#api].map((process) => process?.stop()))
    await this.#standIn?.close()
  }
}

function* madeUp(count: number): Generator<NewLookup> {
  for (let index = 0; index < count; index++) {
    const checked = toLookup({ connectionId: String(100_001 + index) })
    if (checked.ok) yield checked.lookup
  }
}
