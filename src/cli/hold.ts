import { Command } from 'commander'
import { readDuration } from '../config/kinds.ts'
import type { Released } from '../fleet/fleet-control.ts'
import { DEFAULT_REASON, problemOfReason } from '../fleet/hold-by-hand.ts'
import type { CliCommand } from './terminal/command.ts'
import { GATE_GROUPS, WHICH_FLEET, withFleet } from './terminal/gate.ts'
import type { Io } from './terminal/io.ts'
import { withVariables } from './terminal/options.ts'
import { share, wholeNumber } from './terminal/positive.ts'
import { UsageError } from './terminal/usage-error.ts'
import { whoIsThis } from './terminal/who.ts'

const DEFAULT_FOR = '1d'

export function holdCommand(): CliCommand {
  const command = new Command('hold')
    .option('--for <duration>', 'how long at most, as 30m or 6h', DEFAULT_FOR)
    .option('--reason <text>', `why, for whoever looks (default: "${DEFAULT_REASON}")`)
    .addHelpText('after', HOLD_EXAMPLES)
  return { command: withVariables(command, GATE_GROUPS, ['redis', 'queues']), action: runHold }
}

const HOLD_EXAMPLES = `
No worker calls any more until \`release\`, or until the time is over. Calls on the way finish; lookups wait in the queue.
Again while it is held by hand: the time is set anew, and the reason if one is given.
${WHICH_FLEET}

Exit: 0 held, 1 no Redis, 2 wrong usage, 78 wrong configuration.

Examples:
  chat-enricher hold --for 2h --reason 'maintenance of the service'
  chat-enricher hold --for 30m               held already: half an hour from now on`

async function runHold(command: Command, io: Io): Promise<undefined> {
  const { for: lasts, reason } = command.opts() as { for: string; reason?: string }
  const ms = durationOf(lasts)
  if (reason !== undefined) checkReason(reason)
  await withFleet(command, io, 'hold', async (fleet) => {
    const began = await fleet.hold(whoIsThis(), reason ?? null, ms)
    await io.print(`${began ? 'held' : 'held by hand already, now'} for ${lasts}; chat-enricher release ends it`)
  })
}

function checkReason(text: string): void {
  const problem = problemOfReason(text)
  if (problem) throw new UsageError(`--reason: ${problem}`)
}

function durationOf(text: string): number {
  try {
    return readDuration(text)
  } catch {
    throw new UsageError(`--for: expected a duration of up to 366d, as 30m, 6h or 1d, got ${JSON.stringify(text)}`)
  }
}

export function releaseCommand(): CliCommand {
  const command = new Command('release')
    .option('--pace <share>', 'go on at this part of the pace until released in full, as 0.1; 1 is in full', share)
    .option(
      '--accept-code <n>',
      'this responseCode is right after all, and means not found: the fleet remembers it',
      wholeNumber(-(2 ** 31), 2 ** 31 - 1),
    )
    .addHelpText('after', RELEASE_EXAMPLES)
  return { command: withVariables(command, GATE_GROUPS, ['redis', 'queues']), action: runRelease }
}

const RELEASE_EXAMPLES = `
Ends every hold, whatever it is for. One whose cause is still there comes back: with the next call that fails, and for a
spent quota or unconsumed results within about a second. The fleet goes on at a fifth of its pace for five seconds, and then
in full. With --pace it stays at that part of its pace, retries and probes included, until \`release\` without it; the limits of
calls in flight and the quota are as ever. A fleet that nothing limits to a number of calls a second has no pace, so
--pace is refused there, and does nothing to a worker without such a limit that is started later.
There is no command yet that takes --accept-code back.
${WHICH_FLEET}

Exit: 0 (also if nothing was held), 1 no Redis, 2 wrong usage, 78 wrong configuration.

Examples:
  chat-enricher release
  chat-enricher release --pace 0.1           the service is weak still; later: chat-enricher release
  chat-enricher release --accept-code 5      held for responseCode 5, which only means that there is no such chat`

interface ReleaseFlags {
  pace?: number
  acceptCode?: number
}

async function runRelease(command: Command, io: Io): Promise<undefined> {
  const { pace, acceptCode } = command.opts() as ReleaseFlags
  await withFleet(command, io, 'release', async (fleet) => {
    const part = pace === 1 ? null : (pace ?? null)
    const released = await fleet.release(whoIsThis(), { pace: part, acceptCode: acceptCode ?? null })
    await io.print(releasedInWords(released, part, acceptCode))
  })
}

function releasedInWords({ holds, paceBefore }: Released, pace: number | null, acceptCode?: number): string {
  const words = [holds.length > 0 ? `released (${holds.join(', ')})` : 'nothing was held']
  if (pace !== null) words.push(`at ${pace} of its pace until chat-enricher release`)
  else if (paceBefore !== null) words.push(`at its full pace again, which was ${paceBefore} of it`)
  if (acceptCode !== undefined) words.push(`responseCode ${acceptCode} is accepted from now on`)
  return words.join('; ')
}
