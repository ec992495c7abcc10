import { Command, Option } from 'commander'
import { withHall } from '../app/with-hall.ts'
import { DELIVERIES, type Delivery } from '../domain/lookup.ts'
import type { FileFormat } from '../intake/read-requests.ts'
import { DELAY_MAX_MS, PRIORITY_MAX, type Request, toLookup } from '../intake/submit.ts'
import type { CliCommand } from './terminal/command.ts'
import { runDry } from './terminal/enqueue-dry-run.ts'
import { EnqueueRun } from './terminal/enqueue-run.ts'
import { fromArguments, fromFile } from './terminal/enqueue-source.ts'
import { GATE_GROUPS } from './terminal/gate.ts'
import { Interrupted, type Io } from './terminal/io.ts'
import { configOf, withVariables } from './terminal/options.ts'
import { wholeNumber } from './terminal/positive.ts'
import { UsageError } from './terminal/usage-error.ts'

interface Flags {
  file?: string
  format?: FileFormat
  interactive?: boolean
  priority?: number
  delay?: number
  correlationId?: string
  producer?: string
  wait?: boolean
  dryRun?: boolean
  deliver?: Delivery
  json?: boolean
}

export function enqueueCommand(): CliCommand {
  const command = new Command('enqueue')
    .argument('[id...]', 'connection ids')
    .option('--file <file>', 'file of lookups, - for standard input: one id a line, CSV with a header, or NDJSON')
    .addOption(
      new Option('--format <format>', 'of the file; else told by its first line').choices(['lines', 'csv', 'ndjson']),
    )
    .option('--interactive', 'on the queue of the lookups that a person waits for')
    .option('--priority <n>', '1 is the most urgent; none at all comes before any', wholeNumber(1, PRIORITY_MAX))
    .option('--delay <ms>', 'not before so many milliseconds', wholeNumber(0, DELAY_MAX_MS))
    .option('--correlation-id <text>', 'comes back in the results; what a line of the file brings comes first')
    .option('--producer <name>', 'who asks, for lines of a file that do not say; comes back in the results')
    .option('--wait', 'print each result as NDJSON as it arrives')
    .addOption(
      new Option(
        '--deliver <where>',
        'where results go: queue, or wait for whoever waits (the default with --wait)',
      ).choices(DELIVERIES),
    )
    .option('--dry-run', 'enqueue nothing: say how many lines, bad ones, repeats, calls, hours, and share of the quota')
    .option(
      '--json',
      'print a line of JSON for each lookup that is on the queue (with --wait: the results only; with --dry-run: what it says)',
    )
    .addHelpText('after', EXAMPLES)
  return { command: withVariables(command, GATE_GROUPS, ['redis', 'queues']), action: runEnqueue }
}

const EXAMPLES = `
CSV and NDJSON may have the columns or fields connectionId, correlationId, producer, idempotencyKey, expiresAt,
metadata, traceparent, deliver.
Ids are taken as they stand, spaces and leading zeros included. The same idempotencyKey again is the same lookup (of
another producer: another one); with another connectionId it is refused.
--wait takes the results: they are kept for RESULT_KEEP_MS, and never go on the result queue, where others would take
them. With --wait --deliver queue they are printed and go there, too.
--dry-run reads all of the file in bounded memory, and writes nothing. Repeats are counted exactly
up to three million different ids. Calls are told before retries; the hours are those at the limit in force, if nothing else waits.

Exit: 0; 1 if a line held no lookup (it is reported and skipped, the others are enqueued), if an awaited result is not
enriched or not-found, or if the reader of its lines has gone; 130 after Ctrl-C. Whatever
stops it, it says up to which line all is enqueued.

Examples:
  chat-enricher enqueue 12345 67890 --wait
  chat-enricher enqueue 12345 --wait --deliver queue
  chat-enricher enqueue --file ids.txt
  chat-enricher enqueue --file ids.txt --dry-run
  chat-enricher enqueue -- -12345
  zcat chats.ndjson.gz | chat-enricher enqueue --file - --priority 10`

async function runEnqueue(command: Command, io: Io): Promise<number> {
  const flags = command.opts() as Flags
  const common = commonOf(flags)
  const ids = command.args
  if (ids.length > 0 && flags.file !== undefined) throw new UsageError('expected ids or --file, got both')
  if (ids.length === 0 && flags.file === undefined) throw new UsageError('expected ids or --file, got neither')
  if (flags.dryRun && flags.wait) throw new UsageError('expected --dry-run or --wait, got both')
  const { config } = configOf(command, io, GATE_GROUPS, ['redis', 'queues'])
  const source =
    flags.file === undefined ? fromArguments(ids) : await fromFile(io.stdin, flags.file, flags.format ?? null)
  const { interactive, wait = false, json = false } = flags
  const lane = interactive ? 'interactive' : 'batch'
  const run = withHall(config, 'enqueue', (hall) =>
    flags.dryRun
      ? runDry(io, hall, { common, json }, source)
      : new EnqueueRun(io, hall, config, { lane, common, wait, json }, source).run(),
  )
  return run.catch((error: Error) => {
    // It has said where it stopped; it has not done what it was to do.
    if (error instanceof Interrupted && error.message === 'EPIPE') return 1
    throw error
  })
}

function commonOf(flags: Flags): Omit<Request, 'connectionId'> {
  const { priority, delay, correlationId, producer, wait, deliver = wait ? 'wait' : 'queue' } = flags
  const common = {
    ...(deliver === 'wait' ? { deliver } : {}),
    ...(priority === undefined ? {} : { priority }),
    ...(delay === undefined ? {} : { delayMs: delay }),
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(producer === undefined ? {} : { producer }),
  }
  const checked = toLookup({ connectionId: 'any', ...common })
  if (!checked.ok)
    throw new UsageError(
      checked.problem.replace('correlationId', '--correlation-id').replace('producer:', '--producer:'),
    )
  return common
}
