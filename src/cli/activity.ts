import { Command } from 'commander'
import type { Activity } from '../app/hall.ts'
import { withHall } from '../app/with-hall.ts'
import { MOST_ACTIVITY } from '../fleet/activity.ts'
import type { CliCommand } from './terminal/command.ts'
import type { Io } from './terminal/io.ts'
import { configOf, withVariables } from './terminal/options.ts'
import { wholeNumber } from './terminal/positive.ts'
import { columns, number } from './terminal/terminal.ts'

const GROUPS = ['redis', 'queues'] as const
const DEFAULT_LIMIT = 20

export function activityCommand(): CliCommand {
  const command = new Command('activity')
    .option('--limit <n>', 'how many entries at most', wholeNumber(1, MOST_ACTIVITY), DEFAULT_LIMIT)
    .option('--json', 'a line of JSON for each')
    .addHelpText('after', EXAMPLES)
  return { command: withVariables(command, GROUPS), action: runActivity }
}

const EXAMPLES = `
The newest first, times in UTC. About ${number.format(MOST_ACTIVITY)} entries are kept. Ids of connections and lookups stand there as hashes only.
An action in many steps, as forget, is written down before its first step, and counts as it goes: one whose process has
died is cut-off, with what it had done.

Exit: 0 (also if there is none), 1 no Redis, 2 wrong usage, 78 wrong configuration.

Examples:
  chat-enricher activity --limit 50
  chat-enricher activity --json | jq 'select(.action == "hold") | [.at, .who]'`

async function runActivity(command: Command, io: Io): Promise<undefined> {
  const { limit, json } = command.opts() as { limit: number; json?: boolean }
  const { config } = configOf(command, io, GROUPS)
  await withHall(config, 'activity', async (hall) => {
    const found = await hall.activity(limit)
    if (json) for (const entry of found) await io.print(JSON.stringify(entry))
    else await io.print(found.length === 0 ? 'nothing was done by hand here' : inWords(found))
  })
}

function inWords(found: readonly Activity[]): string {
  const rows = found.map(({ at, who, action, count, state, ...entry }) => {
    const what = Object.entries(entry.arguments).map(([name, value]) => `${name} ${asText(value)}`)
    const how = state === 'done' ? '' : ` (${state})`
    return [at.slice(0, 19).replace('T', ' '), who, action, `${count ?? '?'}${how}`, what.join(', ')]
  })
  return columns([['at (UTC)', 'who', 'action', 'count', 'arguments'], ...rows], 'left')
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
