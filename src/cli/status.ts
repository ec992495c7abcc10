import { Command } from 'commander'
import type { Hall, HallConfig } from '../app/hall.ts'
import { withHall } from '../app/with-hall.ts'
import { now, sleep } from '../clock.ts'
import type { CliCommand } from './terminal/command.ts'
import { GATE_GROUPS, WHICH_FLEET } from './terminal/gate.ts'
import type { Io } from './terminal/io.ts'
import { configOf, withVariables } from './terminal/options.ts'
import { holdsInWords, statusInWords } from './terminal/status-in-words.ts'
import { storyInWords } from './terminal/story-in-words.ts'

const WATCH_EVERY_MS = 2000

export function statusCommand(): CliCommand {
  const command = new Command('status')
    .argument('[lookup-id]', 'the story of one lookup instead')
    .option('--watch', `again every ${WATCH_EVERY_MS / 1000} s, until Ctrl-C`)
    .option('--json', 'as JSON, one line each time')
    .addHelpText('after', EXAMPLES)
  return { command: withVariables(command, GATE_GROUPS, ['redis', 'queues']), action: runStatus }
}

const EXAMPLES = `
With a lookup id: where it is, how often it was tried and charged, and what became of it.
${WHICH_FLEET}

Exit: 0; 1 if nothing is known of the lookup id, or no Redis; 2 wrong usage; 78 wrong configuration.

Examples:
  chat-enricher status --watch
  chat-enricher status --json | jq .backlog
  chat-enricher status --json | jq '.holds[] | [.reason, .why, .cure]'
  chat-enricher status lk-5d41402abc4b2a76b9719d911017c592`

async function runStatus(command: Command, io: Io): Promise<number> {
  const { json = false, watch } = command.opts() as { json?: boolean; watch?: boolean }
  const { config } = configOf(command, io, GATE_GROUPS, ['redis', 'queues'])
  const [lookupId] = command.args
  const stop = io.interruption()
  let found = true
  await withHall(config, 'status', async (hall) => {
    for (let first = true; first || (watch && !stop.aborted); first = false) {
      const shown =
        lookupId === undefined ? await showFleet(io, hall, json) : await showLookup(hall, { lookupId, json, config })
      found = shown !== null
      if (watch && !json && io.stdout.isTTY) io.stdout.write('\x1b[2J\x1b[H')
      if (shown !== null) await io.print(shown)
      else io.say(unknownInWords(lookupId ?? '', config))
      if (watch) await sleep(WATCH_EVERY_MS, stop).catch(() => {})
    }
  })
  return found ? 0 : 1
}

interface Asked {
  lookupId: string
  json: boolean
  config: HallConfig
}

async function showLookup(hall: Hall, { lookupId, json, config }: Asked): Promise<string | null> {
  const story = await hall.story(lookupId)
  if (!story || json) return story && JSON.stringify(story)
  const status = story.result === null ? await hall.status() : null
  const holds = status?.serviceProblem === null ? holdsInWords(status) : []
  return [storyInWords(story, config.resultQueue), ...holds].join('\n')
}

async function showFleet(io: Io, hall: Hall, json: boolean): Promise<string> {
  const status = await hall.status()
  if (status.serviceProblem !== null) io.say(`holds and limits are not shown: ${status.serviceProblem}`)
  return json ? JSON.stringify(status) : statusInWords(status, now())
}

function unknownInWords(lookupId: string, config: HallConfig): string {
  const { lookupQueue, interactiveQueue, prefix } = config
  return `no lookup ${lookupId} on ${lookupQueue} or ${interactiveQueue} (prefix ${prefix}); a connection id is not a lookup id`
}
