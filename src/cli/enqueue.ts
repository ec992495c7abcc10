import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Command, Option } from 'commander'
import { monotonic, sleep } from '../clock.ts'
import type { Lane } from '../domain/lane.ts'
import { type Awaited, ResultWaiter } from '../intake/await-results.ts'
import { type FileFormat, type ReadRequest, readRequests } from '../intake/read-requests.ts'
import { submit, toLookup } from '../intake/submit.ts'
import { LookupQueues, type NewLookup } from '../queues/lookup-queue.ts'
import { queueOf } from '../queues/names.ts'
import { commandConnection, type Redis } from '../queues/redis.ts'
import type { CliCommand } from './command.ts'
import { type Config, configOf, withVariables } from './options.ts'
import { wholeNumber } from './positive.ts'
import { type Progress, progressBar } from './progress.ts'
import { withRedis } from './redis.ts'
import { interruption, number, print, say, seconds } from './terminal.ts'
import { UsageError } from './usage-error.ts'

const GROUPS = ['redis', 'queues'] as const
/** While this many results are awaited, no more lookups are added: memory stays flat. */
const MOST_AWAITED = 10_000
const MOST_PROBLEMS_SHOWN = 20

interface Flags {
  file?: string
  format?: FileFormat
  interactive?: boolean
  priority?: number
  delay?: number
  correlationId?: string
  wait?: boolean
  json?: boolean
}

export function enqueueCommand(): CliCommand {
  const command = new Command('enqueue')
    .description('Put lookups on the queue: ids as arguments, or a file of them, streamed.')
    .argument('[id...]', 'connection ids')
    .option('--file <file>', 'file of lookups, - for standard input: one id a line, CSV with a header, or NDJSON')
    .addOption(
      new Option('--format <format>', 'of the file; else told by its first line').choices(['lines', 'csv', 'ndjson']),
    )
    .option('--interactive', 'on the queue of the lookups that a person waits for')
    .option('--priority <n>', '1 is the most urgent; none at all comes before any', wholeNumber(1, 2_097_151))
    .option('--delay <ms>', 'not before so many milliseconds', wholeNumber(0, 366 * 86_400_000))
    .option('--correlation-id <text>', 'comes back in the results')
    .option('--wait', 'print each result as NDJSON as it arrives, and exit 1 if any is not enriched or not-found')
    .option('--json', 'print a line of JSON for each lookup that is on the queue')
    .addHelpText('after', EXAMPLES)
  return { command: withVariables(command, GROUPS), action: runEnqueue }
}

const EXAMPLES = `
CSV and NDJSON may have the columns or fields connectionId, correlationId, idempotencyKey, expiresAt, metadata.
A line that holds no lookup is reported and skipped; the others are enqueued, and the exit code is 1.

Examples:
  chat-enricher enqueue 12345 67890 --wait
  chat-enricher enqueue --file ids.txt
  zcat chats.ndjson.gz | chat-enricher enqueue --file - --priority 10`

async function runEnqueue(command: Command): Promise<number> {
  const flags = command.opts() as Flags
  const ids = command.args
  if (ids.length > 0 && flags.file !== undefined) throw new UsageError('expected ids or --file, got both')
  if (ids.length === 0 && flags.file === undefined) throw new UsageError('expected ids or --file, got neither')
  const { config } = configOf(command, GROUPS)
  const source = flags.file === undefined ? fromArguments(ids, flags) : await openFile(flags.file)
  return withRedis(config, 'enqueue', (redis) => new Enqueue(redis, config, flags, source).run())
}

interface Source {
  requests(format: FileFormat | null): AsyncIterable<ReadRequest> | Iterable<ReadRequest>
  /** What progress is measured in, where it is known. */
  totalBytes: number | null
  bytesRead(): number
  /** Few enough to be named one by one. */
  named: boolean
}

/** Checked before anything is enqueued: a mistyped command line enqueues nothing. */
function fromArguments(ids: string[], { correlationId }: Flags): Source {
  const requests = ids.map((connectionId, index) => ({ line: index + 1, request: { connectionId } }))
  for (const { request } of requests) {
    const checked = toLookup({ ...request, correlationId })
    if (!checked.ok) throw new UsageError(checked.problem)
  }
  return { requests: () => requests, totalBytes: null, bytesRead: () => 0, named: true }
}

async function openFile(file: string): Promise<Source> {
  if (file === '-') {
    const requests = (format: FileFormat | null) => readRequests(process.stdin, format)
    return { requests, totalBytes: null, bytesRead: () => 0, named: false }
  }
  const info = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`--file: expected a file that can be read, got ${error.code} for ${file}`)
  })
  if (info.isDirectory()) throw new UsageError(`--file: expected a file, got the folder ${file}`)
  const stream = createReadStream(file)
  const requests = (format: FileFormat | null) => readRequests(stream, format)
  return { requests, totalBytes: info.size, bytesRead: () => stream.bytesRead, named: false }
}

class Enqueue {
  readonly #redis: Redis
  readonly #config: Config
  readonly #flags: Flags
  readonly #source: Source
  readonly #lane: Lane
  readonly #queues: LookupQueues
  readonly #stop = interruption()
  readonly #progress: Progress
  #enqueued = 0
  #refused = 0
  #bad = 0
  #waiter: ResultWaiter | null = null
  #printing: Promise<void> = Promise.resolve()

  constructor(redis: Redis, config: Config, flags: Flags, source: Source) {
    this.#redis = redis
    this.#config = config
    this.#flags = flags
    this.#source = source
    this.#lane = flags.interactive ? 'interactive' : 'batch'
    this.#queues = new LookupQueues(redis, config)
    this.#progress = progressBar('enqueued', source.totalBytes, source.named)
  }

  async run(): Promise<number> {
    const startedAt = monotonic()
    const subscriber = this.#flags.wait ? commandConnection(this.#config.redisUrl, 'enqueue-wait') : null
    if (subscriber) this.#waiter = this.#startWaiting(subscriber)
    try {
      for await (const chunk of submit(this.#queues, this.#lane, this.#lookups())) await this.#added(chunk)
      this.#progress.stop()
      this.#summarise(monotonic() - startedAt)
      while ((this.#waiter?.waiting ?? 0) > 0) await sleep(50, this.#stop)
      await this.#printing
      return this.#refused > 0 || this.#bad > 0 ? 1 : 0
    } finally {
      this.#progress.stop()
      this.#waiter?.stop()
      subscriber?.disconnect()
    }
  }

  #startWaiting(subscriber: Redis): ResultWaiter {
    const connections = { redis: this.#redis, subscriber, queues: this.#queues }
    return new ResultWaiter(connections, this.#config, (awaited) => {
      this.#printing = this.#printing.then(() => this.#show(awaited))
      this.#printing.catch(() => {})
    })
  }

  async #show({ lookupId, result }: Awaited): Promise<void> {
    if (result?.status !== 'enriched' && result?.status !== 'not-found') this.#bad++
    if (result === null) say(`${lookupId}: has ended, but its result was consumed before it could be shown`)
    else await print(JSON.stringify(result))
  }

  async *#lookups(): AsyncGenerator<NewLookup> {
    const { priority, delay, correlationId, format, wait } = this.#flags
    const common = {
      ...(priority === undefined ? {} : { priority }),
      ...(delay === undefined ? {} : { delayMs: delay }),
    }
    for await (const read of this.#source.requests(format ?? null)) {
      this.#stop.throwIfAborted()
      const checked =
        'problem' in read
          ? { ok: false as const, problem: read.problem }
          : toLookup({ ...read.request, correlationId: read.request.correlationId ?? correlationId, ...common })
      if (!checked.ok) {
        this.#refuse(read.line, checked.problem)
        continue
      }
      if (wait) await this.#expect(checked.lookup.lookupId)
      yield checked.lookup
    }
  }

  async #expect(lookupId: string): Promise<void> {
    while ((this.#waiter?.waiting ?? 0) >= MOST_AWAITED) await sleep(50, this.#stop)
    await this.#waiter?.expect(this.#lane, [lookupId])
  }

  #refuse(line: number, problem: string): void {
    this.#refused++
    if (this.#refused <= MOST_PROBLEMS_SHOWN) say(`line ${line}: ${problem}; skipped`)
    if (this.#refused === MOST_PROBLEMS_SHOWN + 1) say('further lines that hold no lookup are counted, not shown')
  }

  async #added(chunk: NewLookup[]): Promise<void> {
    this.#enqueued += chunk.length
    this.#progress.update(this.#enqueued, this.#source.bytesRead())
    if (this.#flags.json) {
      for (const { lookupId, connectionId } of chunk) await print(JSON.stringify({ lookupId, connectionId }))
    } else if (this.#source.named && !this.#flags.wait) {
      for (const { lookupId, connectionId } of chunk) await print(`${lookupId}  ${connectionId}`)
    }
  }

  #summarise(ms: number): void {
    const queue = queueOf(this.#config, this.#lane)
    const rate = number.format(Math.round(this.#enqueued / Math.max(ms / 1000, 0.001)))
    const refused = this.#refused > 0 ? `; ${number.format(this.#refused)} refused` : ''
    const pace = this.#source.named ? '' : ` in ${seconds(ms)} (${rate}/s)`
    say(`enqueued ${number.format(this.#enqueued)} on ${queue}${pace}${refused}`)
  }
}
