import { Command } from 'commander'
import type { Hall } from '../app/hall.ts'
import { withHall } from '../app/with-hall.ts'
import { sleep, within } from '../clock.ts'
import type { Result } from '../domain/result.ts'
import type { CliCommand } from './terminal/command.ts'
import { Interrupted, type Io } from './terminal/io.ts'
import { configOf, withVariables } from './terminal/options.ts'
import { wholeNumber } from './terminal/positive.ts'
import { counted } from './terminal/terminal.ts'

const GROUPS = ['redis', 'queues'] as const
/** After Ctrl-C, writing and removing the current result has this long. */
const CLOSE_MS = 3000

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
--follow ends, too, when Redis is gone for seconds: run it under something that starts it again.
For just a few use --limit: \`| head\` may be sent more lines than it shows, and what was written has been removed.

Exit: 0; 1 if Redis does not answer, 2 wrong usage, 78 wrong configuration.

Examples:
  chat-enricher results --follow >> results.ndjson
  chat-enricher results --limit 1 | jq .chatRequest`

async function runResults(command: Command, io: Io): Promise<undefined> {
  const { follow = false, limit = Number.POSITIVE_INFINITY } = command.opts() as { follow?: boolean; limit?: number }
  const { config } = configOf(command, io, GROUPS)
  const stop = io.interruption()
  await withHall(config, 'results', async (hall) => {
    const unreadable = new Set<string>()
    const consumer = await hall.consumer((id) => {
      if (!unreadable.has(id)) io.say(unreadableInWords(id, config))
      unreadable.add(id)
    })
    let count = 0
    const takeAll = async () => {
      const write = async (result: Result) => {
        await io.print(JSON.stringify(result))
        count++
      }
      while (count < limit && !stop.aborted) {
        const taken = await consumer.next(write, follow)
        if (!taken && !follow) break
      }
    }
    try {
      await Promise.race([takeAll(), overdueAfter(stop)])
      if (!follow && count < limit) await sayWhatIsHeld(io, hall, config, unreadable.size)
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error
    } finally {
      await within(CLOSE_MS, consumer.close())
      io.say(counted(count, 'result'))
    }
  })
}

function unreadableInWords(id: string, { resultQueue }: { resultQueue: string }): string {
  return `${JSON.stringify(id)}: expected a result, got a job that BullMQ cannot read; it stays on ${resultQueue}, and the others are read`
}

/** Rejects some time after Ctrl-C, because a Redis that hangs never answers. */
async function overdueAfter(stop: AbortSignal): Promise<never> {
  await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
  await sleep(CLOSE_MS)
  throw stop.reason
}

/** Otherwise somebody whose reader was killed would think that its last result is lost. */
async function sayWhatIsHeld(
  io: Io,
  hall: Hall,
  { resultQueue }: { resultQueue: string },
  unreadable: number,
): Promise<void> {
  const { queues } = await hall.status()
  const active = queues.find(({ queue }) => queue === resultQueue)?.jobs.active ?? 0
  const held = active - unreadable
  if (held > 0)
    io.say(
      `${counted(held, 'more result')} with other readers; from a reader that died they come back within two minutes`,
    )
}
