import { Command } from 'commander'
import { withHall } from '../app/with-hall.ts'
import type { LookupView } from '../fleet/find.ts'
import type { CliCommand } from './terminal/command.ts'
import { GATE_GROUPS } from './terminal/gate.ts'
import type { Io } from './terminal/io.ts'
import { configOf, withVariables } from './terminal/options.ts'
import { wholeNumber } from './terminal/positive.ts'
import { progressBar } from './terminal/progress.ts'
import { selectionOf, withSelection } from './terminal/selection-flags.ts'
import { counted, seconds } from './terminal/terminal.ts'
import { UsageError } from './terminal/usage-error.ts'
import { waitsInWords } from './terminal/waits-in-words.ts'

export function findCommand(): CliCommand {
  const command = withSelection(new Command('find'))
    .option('--limit <n>', 'stop when so many are found', wholeNumber(1, 100_000_000))
    .option('--json', 'as NDJSON, a lookup a line, and a last line with how far it looked')
    .addHelpText('after', EXAMPLES)
  return { command: withVariables(command, GATE_GROUPS, ['redis', 'queues']), action: runFind }
}

const EXAMPLES = `
A line for each lookup: its id, queue, state and age, what it has behind it, and why it waits. It looks at the lookups
themselves, whatever became of their results, and leaves workers their pace; the last line says how many it has looked at.

Exit: 0; 1 if none is found, or no Redis; 2 wrong usage; 78 wrong configuration.

Examples:
  chat-enricher find --connection-id 12345
  chat-enricher find --state dead --failure soap-fault --newer-than 2h --limit 20
  chat-enricher find --state delayed --http-status 503 --json | jq -r .lookupId`

interface Flags {
  limit?: number
  json?: boolean
}

async function runFind(command: Command, io: Io): Promise<number> {
  const { limit = Number.POSITIVE_INFINITY, json = false } = command.opts() as Flags
  const selection = selectionOf(command)
  if (selection === null) throw new UsageError('expected what to look for, as --state dead, or --all, got nothing')
  const { config } = configOf(command, io, GATE_GROUPS, ['redis', 'queues'])
  const signal = io.interruption()
  const end = { found: 0, looked: 0, unread: 0, complete: true }
  await withHall(config, 'find', async (hall) => {
    const progress = progressBar(io, 'lookups looked at', null, json || io.stdout.isTTY === true)
    try {
      for await (const { lookups, looked, unread } of hall.find(selection, signal)) {
        end.looked += looked
        end.unread += unread
        for (const lookup of lookups.slice(0, limit - end.found)) await io.print(shown(lookup, json))
        end.found += Math.min(lookups.length, limit - end.found)
        end.complete = end.found < limit
        if (!end.complete) break
        progress.update(end.looked, end.looked)
      }
    } finally {
      progress.stop()
    }
  })
  const { looked, complete } = end
  if (json) await io.print(JSON.stringify({ looked, complete }))
  else io.say(endInWords(end))
  return end.found > 0 ? 0 : 1
}

function shown(lookup: LookupView, json: boolean): string {
  return json ? JSON.stringify(lookup) : lineOf(lookup)
}

/** Printed as they are found, so no column knows how wide it will be. */
function lineOf(lookup: LookupView): string {
  const { lookupId, queue, state, ageMs, calls, failures, charged, redrive } = lookup
  const parts = [
    `${lookupId}  ${queue}  ${state}`,
    ageMs !== null && seconds(ageMs),
    calls !== null && calls > 0 && counted(calls, 'call'),
    failures > 0 && `${charged} of ${counted(failures, 'failed attempt')} charged`,
    redrive > 0 && `put back ${counted(redrive, 'time')}`,
    lookup.waits && waitsInWords(lookup.waits, lookup.dueAt),
    lookup.result ?? false,
    lookup.failure !== null && `${lookup.failure}: ${lookup.message ?? ''}`,
  ]
  return parts.filter((part) => typeof part === 'string').join(', ')
}

function endInWords({
  found,
  looked,
  unread,
  complete,
}: Record<'found' | 'looked' | 'unread', number> & { complete: boolean }) {
  const broken = unread > 0 ? `; ${counted(unread, 'job')} too large or broken to be read` : ''
  return `${counted(found, 'lookup')} found, ${counted(looked, 'lookup')} looked at${complete ? '' : ', not all'}${broken}`
}
