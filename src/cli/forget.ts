import { text } from 'node:stream/consumers'
import { Command } from 'commander'
import type { ForgetEnd } from '../app/hall.ts'
import { withHall } from '../app/with-hall.ts'
import { readDuration } from '../config/kinds.ts'
import type { Forgotten } from '../fleet/forget.ts'
import type { CliCommand } from './terminal/command.ts'
import type { Io } from './terminal/io.ts'
import { configOf, withVariables } from './terminal/options.ts'
import { progressBar } from './terminal/progress.ts'
import { counted } from './terminal/terminal.ts'
import { UsageError } from './terminal/usage-error.ts'
import { whoIsThis } from './terminal/who.ts'

const GROUPS = ['redis', 'queues', 'log'] as const
/** A lookup in hand ends, or goes back to wait, within LOOKUP_DEADLINE_MS. */
const DEFAULT_WAIT = '60s'
const FEW_KEYS = 20_000

export function forgetCommand(): CliCommand {
  const command = new Command('forget')
    .argument('<connection-id>', 'the connection id, or - to read it from stdin')
    .option('--wait <duration>', 'how long to wait at most for lookups of it that are in hand, as 90s', DEFAULT_WAIT)
    .option('--json', 'what was removed, as JSON')
    .addHelpText('after', EXAMPLES)
  return { command: withVariables(command, GROUPS, ['redis', 'queues', 'log']), action: runForget }
}

const EXAMPLES = `
Erases from Redis, while workers run: lookups and results of this connection id in whatever state, the marker that each
has had its result, answers kept for others, whom the service answered last, schedulers; and empties the event streams of
BullMQ that tell of it (their readers go on behind what they have read).
A lookup that gets no result any more is no loss but what was asked for: stop who enqueues it first. One that a worker has
in hand is waited for, and goes with its result. The log gets one line, with a hash of the connection id and counts.
What other systems have is theirs. Redis' files keep what was erased until they are written anew: BGREWRITEAOF, BGSAVE; and
its slow log may name what somebody sent: SLOWLOG RESET.
All who look at the list of processes see arguments; with - the connection id is read from stdin.

Exit: 0 (also if there was nothing), 1 if something is still in hand, or no Redis; 2 wrong usage; 78 wrong configuration.

Examples:
  chat-enricher forget 12345
  chat-enricher forget - --json < id.txt`

async function runForget(command: Command, io: Io): Promise<number> {
  const { wait, json } = command.opts() as { wait: string; json?: boolean }
  const waitMs = durationOf(wait)
  const { config } = configOf(command, io, GROUPS, ['redis', 'queues', 'log'])
  const connectionId = await givenId(io, command.args[0] ?? '')
  let end: ForgetEnd | null = null
  await withHall(config, 'forget', async (hall) => {
    const progress = progressBar(io, 'keys looked at', null, (await hall.keys()) < FEW_KEYS)
    const onProgress = (keys: number) => progress.update(keys, keys)
    const forgetting = hall.forget(
      connectionId,
      { ...config, out: io.stderr },
      { who: whoIsThis(), waitMs, onProgress },
    )
    end = await forgetting.finally(() => progress.stop())
    const { removed, active } = end
    await io.print(json ? JSON.stringify({ removed, active }) : inWords(removed))
  })
  return tellActive(io, end)
}

function durationOf(given: string): number {
  try {
    return readDuration(given)
  } catch {
    throw new UsageError(`--wait: expected a duration, as 90s or 5m, got ${JSON.stringify(given)}`)
  }
}

async function givenId(io: Io, argument: string): Promise<string> {
  const id = argument === '-' ? (await text(io.stdin)).replace(/\r?\n$/, '') : argument
  if (id !== '') return id
  throw new UsageError('connection id: expected one, got nothing')
}

const WORDS: [keyof Forgotten, string][] = [
  ['lookups', 'lookup'],
  ['results', 'result'],
  ['markers', 'marker'],
  ['answers', 'kept answer'],
  ['memories', 'place'],
  ['events', 'event'],
  ['streamed', 'entry of the stream of results'],
]

function inWords(removed: Forgotten): string {
  const parts = WORDS.filter(([kind]) => removed[kind] > 0).map(([kind, word]) =>
    kind === 'memories'
      ? `${counted(removed[kind], word)} where the fleet remembered whom the service answered`
      : counted(removed[kind], word),
  )
  return parts.length > 0 ? `removed ${parts.join(', ')}` : 'there was nothing of it'
}

function tellActive(io: Io, end: ForgetEnd | null): number {
  const active = end?.active ?? []
  for (const id of active) io.say(`${id}: expected it to end, but it is still in hand: run forget again when it is not`)
  return active.length > 0 ? 1 : 0
}
