/** For commands that act on many lookups: their flags, what they say before they do it, and whether to go on. */

import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import { DEFAULT_RATE, type PacedProgress, type Plan, RATE_MAX } from '../../fleet/paced.ts'
import type { SeenLookup } from '../../fleet/selected.ts'
import type { Io } from './io.ts'
import { wholeNumber } from './positive.ts'
import { progressBar } from './progress.ts'
import { columns, counted, number, seconds } from './terminal.ts'
import { UsageError } from './usage-error.ts'

export interface ActionFlags {
  dryRun?: boolean
  yes?: boolean
  rate: number
  json?: boolean
}

export function withAction(command: Command): Command {
  return command
    .option('--dry-run', 'only say what would be done')
    .option('--yes', 'do it without a question; a script has to say this for a selection')
    .option('--rate <n>', 'lookups a second', wholeNumber(1, RATE_MAX), DEFAULT_RATE)
    .option('--json', 'as JSON')
}

/** `whatFor`: as "to cancel". */
export function planInWords({ count, sample, looked, unread }: Plan, whatFor: string): string {
  const head = `${counted(count, 'lookup')} ${whatFor}, of ${counted(looked, 'lookup')} looked at`
  const broken = unread > 0 ? `; ${counted(unread, 'job')} too large or broken to be read` : ''
  if (sample.length === 0) return head + broken
  const more = count > sample.length ? [`and ${counted(count - sample.length, 'more lookup')}`] : []
  return [head + broken, columns([['lookup', 'queue', 'state', 'age'], ...sample.map(rowOf)]), ...more].join('\n')
}

/** What it takes: calls of the service, and time. */
export function costInWords(calls: number, takesSeconds: number, ratePerSecond: number): string {
  const pace = `${number.format(ratePerSecond)} a second`
  const took = seconds(takesSeconds * 1000)
  return calls === 0
    ? `no calls; ${took} at ${pace}`
    : `${counted(calls, 'call')} at least; ${took} at ${pace}, or the limit if that is less`
}

/** The exit of a dry run: 1, as without it, if some of those that were named would be left as they are. */
export function planExit(io: Io, lookupIds: readonly string[] | null, { count }: Plan): number {
  const left = (lookupIds?.length ?? 0) - count
  if (left <= 0) return 0
  io.say(`${counted(left, 'lookup')} of those that were named would be left as they are: status LOOKUP_ID tells why`)
  return 1
}

/** Shows how far an action has come, and what it waits for. */
export function pacedProgress(io: Io, unit: string, total: number | null, isQuiet: boolean) {
  const bar = progressBar(io, unit, total, isQuiet)
  const onProgress = ({ done, waitsFor }: PacedProgress) => {
    bar.update(done, done)
    bar.waits(waitsFor)
  }
  return { onProgress, stop: () => bar.stop() }
}

function rowOf({ lookupId, queue, state, ageMs }: SeenLookup): string[] {
  return [lookupId, queue, state, ageMs === null ? '-' : seconds(ageMs)]
}

/** Asks on a terminal. A script must have said --yes: a UsageError says so. */
export async function isConfirmed(io: Io, question: string, yes: boolean, signal: AbortSignal): Promise<boolean> {
  if (yes) return true
  const isTerminal = (io.stdin as { isTTY?: boolean }).isTTY === true && io.stderr.isTTY === true
  if (!isTerminal) throw new UsageError('expected --yes (or --dry-run), because there is no terminal to ask')
  const lines = createInterface({ input: io.stdin, output: io.stderr })
  try {
    const answer = await lines.question(`${question} [y/N] `, { signal })
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    lines.close()
  }
}
