import { Command } from 'commander'
import { ResultConsumer } from '../queues/result-consumer.ts'
import type { CliCommand } from './command.ts'
import { configOf, withVariables } from './options.ts'
import { wholeNumber } from './positive.ts'
import { withRedis } from './redis.ts'
import { interruption, number, print, say } from './terminal.ts'

const GROUPS = ['redis', 'queues'] as const

export function resultsCommand(): CliCommand {
  const command = new Command('results')
    .description('Consume the result queue to NDJSON on stdout. A result is removed only after its line is written.')
    .option('--follow', 'wait for more when there are none, until Ctrl-C')
    .option('--limit <n>', 'at most so many', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .addHelpText('after', EXAMPLES)
  return { command: withVariables(command, GROUPS), action: runResults }
}

const EXAMPLES = `
Delivery is at least once: a reader that dies between writing a line and removing it gets that result again. Take
lookupId and redrive together as the key.

Examples:
  chat-enricher results --follow >> results.ndjson
  chat-enricher results --limit 1 | jq .chatRequest`

async function runResults(command: Command): Promise<undefined> {
  const { follow = false, limit = Number.POSITIVE_INFINITY } = command.opts() as { follow?: boolean; limit?: number }
  const { config } = configOf(command, GROUPS)
  const stop = interruption()
  await withRedis(config, 'results', async (redis) => {
    const consumer = new ResultConsumer(redis, config)
    await consumer.start()
    let count = 0
    try {
      while (count < limit && !stop.aborted) {
        const taken = await consumer.next((result) => print(JSON.stringify(result)), follow)
        if (taken) count++
        else if (!follow) break
      }
    } finally {
      await consumer.close()
      say(`${number.format(count)} results`)
    }
  })
}
