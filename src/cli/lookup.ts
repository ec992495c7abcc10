import { Command } from 'commander'
import { type OneCallConfig, oneCall } from '../app/one-call.ts'
import { iso, now } from '../clock.ts'
import type { CallEnd } from '../domain/call-end.ts'
import { parseLookup } from '../domain/lookup.ts'
import { type Result, type ResultStatus, resultOf } from '../domain/result.ts'
import { noTime } from '../domain/timing.ts'
import type { CliCommand } from './terminal/command.ts'
import type { Io } from './terminal/io.ts'
import { configOf, withVariables } from './terminal/options.ts'
import { UsageError } from './terminal/usage-error.ts'

const GROUPS = ['redis', 'queues', 'endpoint', 'soap', 'calls'] as const
const EXIT_NOT_FOUND = 3

export function lookupCommand(): CliCommand {
  const command = new Command('lookup')
    .argument('<id>', 'the connection id')
    .option('--json', 'on one line')
    .addHelpText('after', EXAMPLES)
  return { command: withVariables(command, GROUPS), action: runLookup }
}

const EXAMPLES = `
It keeps to the limits of the fleet, and to its holds: then it is the next probe, and ends the hold if it is answered.

Exit: 0 enriched, 3 not found, 1 anything else, 2 wrong usage, 78 wrong configuration.

Examples:
  chat-enricher lookup 12345
  chat-enricher lookup 12345 --json | jq .chatRequest.userName`

async function runLookup(command: Command, io: Io): Promise<number> {
  const [connectionId = ''] = command.args
  const parsed = parseLookup({ connectionId })
  if (!parsed.ok) throw new UsageError(parsed.problem)
  const { config } = configOf(command, io, GROUPS)
  const result = await resultNow(io, config, connectionId)
  await io.print(JSON.stringify(result, null, command.opts().json ? undefined : 2))
  if (result.status === 'not-found') return EXIT_NOT_FOUND
  return result.status === 'enriched' ? 0 : 1
}

/** The result that a queued lookup would have got, had this call been its last. */
async function resultNow(
  io: Io,
  config: OneCallConfig,
  connectionId: string,
): Promise<Omit<Result, 'lookupId' | 'timing'>> {
  const enqueuedAt = iso(now())
  const end = await oneCall(config, connectionId, io.interruption(), {
    withoutGate: (why) => io.say(`warning: no Redis (${why}), so this call is made outside of the limits of the fleet`),
    held: (hold) => io.say(`${hold} (Ctrl-C: no call) …`),
    waiting: () => io.say('waiting for the turn of this call within the limits of the fleet …'),
  })
  const about = {
    lookupId: '',
    connectionId,
    correlationId: null,
    producer: null,
    metadata: null,
    calls: 1,
    attempts: 1,
    redrive: 0,
  }
  const known = 'outcome' in end ? end.outcome : { ...end.record, failure: end.failure }
  const subject = { ...about, timing: noTime(), enqueuedAt, finishedAt: iso(now()) }
  const { lookupId: _none, timing: _unmeasured, ...result } = resultOf(subject, statusOf(end), known)
  return result
}

/** A failure that may pass ends this lookup, too: nobody tries again. */
function statusOf(end: CallEnd): ResultStatus {
  if ('outcome' in end) return end.outcome.status
  return end.failure.class === 'permanent' ? 'rejected' : 'failed'
}
