import { Command } from 'commander'
import { readDuration } from '../config-table.ts'
import type { CliCommand } from './command.ts'
import { GATE_GROUPS, withFleet } from './gate.ts'
import { withVariables } from './options.ts'
import { wholeNumber } from './positive.ts'
import { print } from './terminal.ts'
import { UsageError } from './usage-error.ts'

const DEFAULT_FOR = '1d'
const REASON_LENGTH = 200

export function holdCommand(): CliCommand {
  const command = new Command('hold')
    .option('--for <duration>', 'how long at most, as 30m or 6h', DEFAULT_FOR)
    .option('--reason <text>', 'why, for whoever looks', 'by hand')
    .addHelpText('after', HOLD_EXAMPLES)
  return { command: withVariables(command, GATE_GROUPS), action: runHold }
}

const HOLD_EXAMPLES = `
No worker calls any more until \`release\`, or until the time is over. Calls on the way finish; lookups wait in the queue.

Example:
  chat-enricher hold --for 2h --reason 'maintenance of the service'`

async function runHold(command: Command): Promise<undefined> {
  const { for: lasts, reason } = command.opts() as { for: string; reason: string }
  const ms = durationOf(lasts)
  if (!/^\P{Cc}+$/u.test(reason) || reason.length > REASON_LENGTH) {
    throw new UsageError(`--reason: expected one line of at most ${REASON_LENGTH} characters, got another text`)
  }
  await withFleet(command, 'hold', async (fleet) => {
    const began = await fleet.hold(reason, ms)
    await print(`${began ? 'held' : 'held already, now'} for ${lasts}; chat-enricher release ends it`)
  })
}

function durationOf(text: string): number {
  try {
    return readDuration(text)
  } catch {
    throw new UsageError(`--for: expected a duration as 30m, 6h or 1d, got ${JSON.stringify(text)}`)
  }
}

export function releaseCommand(): CliCommand {
  const command = new Command('release')
    .option(
      '--accept-code <n>',
      'this responseCode is right after all, and means not found: the fleet remembers it',
      wholeNumber(-(2 ** 31), 2 ** 31 - 1),
    )
    .addHelpText('after', RELEASE_EXAMPLES)
  return { command: withVariables(command, GATE_GROUPS), action: runRelease }
}

const RELEASE_EXAMPLES = `
Ends every hold. One whose cause is still there comes back: for a spent quota or unconsumed results within a second.

Examples:
  chat-enricher release
  chat-enricher release --accept-code 5      held for responseCode 5, which only means that there is no such chat`

async function runRelease(command: Command): Promise<undefined> {
  const { acceptCode } = command.opts() as { acceptCode?: number }
  await withFleet(command, 'release', async (fleet) => {
    const ended = await fleet.release(acceptCode)
    const accepted = acceptCode === undefined ? '' : `; responseCode ${acceptCode} is accepted from now on`
    await print(`${ended > 0 ? 'released' : 'nothing was held'}${accepted}`)
  })
}
