import { Command } from 'commander'
import type { CliCommand } from './terminal/command.ts'
import type { Io } from './terminal/io.ts'
import { configOf, withVariables } from './terminal/options.ts'
import { wholeNumber } from './terminal/positive.ts'
import { ResultsRun } from './terminal/results-run.ts'

const GROUPS = ['redis', 'queues'] as const

export function resultsCommand(): CliCommand {
  const command = new Command('results')
    .option('--follow', 'wait for more when there are none, until Ctrl-C')
    .option('--limit <n>', 'at most so many; the others stay on the queue', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .addHelpText('after', EXAMPLES)
  return { command: withVariables(command, GROUPS), action: runResults }
}

const EXAMPLES = `
Delivery is at least once: a result whose reader dies between writing its line and removing it comes again, within two
minutes. Take lookupId and redrive together as the key. Ctrl-C and a reader of the lines that goes away end it, exit 0.
--follow waits for a Redis that goes away or is full, says so, and goes on when it is there again.
For just a few use --limit: \`| head\` may be sent more lines than it shows, and what was written has been removed.

Exit: 0; 1 if Redis does not answer, 2 wrong usage, 78 wrong configuration.

Examples:
  chat-enricher results --follow >> results.ndjson
  chat-enricher results --limit 1 | jq .chatRequest`

async function runResults(command: Command, io: Io): Promise<undefined> {
  const { follow = false, limit = Number.POSITIVE_INFINITY } = command.opts() as { follow?: boolean; limit?: number }
  const { config } = configOf(command, io, GROUPS)
  await new ResultsRun(io, config, { follow, limit }).run()
}
