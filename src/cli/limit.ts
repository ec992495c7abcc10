import Table from 'cli-table3'
import { Command } from 'commander'
import { VARIABLES } from '../config/table.ts'
import type { Limits } from '../fleet/fleet-control.ts'
import type { Member } from '../fleet/members.ts'
import type { CliCommand } from './terminal/command.ts'
import { GATE_GROUPS, WHICH_FLEET, withFleet } from './terminal/gate.ts'
import type { Io } from './terminal/io.ts'
import { withVariables } from './terminal/options.ts'
import { counted, NO_LINES_BETWEEN, number, PLAIN } from './terminal/terminal.ts'
import { UsageError } from './terminal/usage-error.ts'

export function limitCommand(): CliCommand {
  const command = new Command('limit')
    .option('--rate <n>', 'calls a second of the whole fleet, or none')
    .option('--burst <n>', 'calls that may leave at once after a pause')
    .option('--in-flight <n>', 'calls of the whole fleet at one time, or none')
    .option('--reset', "back to each process's own environment")
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
  return { command: withVariables(command, GATE_GROUPS), action: runLimit }
}

const EXAMPLES = `
Without options it shows the limits. What is set here holds for every process at once, without a restart, and wins over
their environment until --reset. --reset with others: those are set, the rest is not any more.
${WHICH_FLEET}

Exit: 0, 1 no Redis, 2 wrong usage, 78 wrong configuration.

Examples:
  chat-enricher limit --rate 20 --in-flight 8
  chat-enricher limit --json | jq .set
  chat-enricher limit --reset`

interface Options {
  rate?: string
  burst?: string
  inFlight?: string
  reset?: boolean
  json?: boolean
}

async function runLimit(command: Command, io: Io): Promise<undefined> {
  const { reset, json, ...asked } = command.opts() as Options
  const wanted = limitsOf(asked)
  await withFleet(command, io, 'limit', async (fleet, hall) => {
    if (reset) await fleet.resetLimits()
    if (Object.keys(wanted).length > 0) await fleet.setLimits(wanted)
    const { limitsSet: set } = await fleet.read()
    const { members } = await hall.status()
    await io.print(json ? JSON.stringify({ set, workers: ownLimits(members) }) : asText(set, members))
  })
}

/** The same is expected of a limit as of its variable. */
const FLAGS = {
  rate: ['--rate', VARIABLES.ratePerSecond],
  burst: ['--burst', VARIABLES.rateBurst],
  inFlight: ['--in-flight', VARIABLES.maxCallsInFlight],
} as const

function limitsOf(asked: Pick<Options, keyof typeof FLAGS>): Partial<Limits> {
  const limits: Record<string, number | null> = {}
  for (const [name, [flag, { parse, expected }]] of Object.entries(FLAGS)) {
    const text = asked[name as keyof typeof FLAGS]
    if (text === undefined) continue
    try {
      limits[name] = parse(text, () => text)
    } catch {
      throw new UsageError(`${flag}: expected ${expected}, got ${JSON.stringify(text)}`)
    }
  }
  return limits
}

/** What workers would keep to by themselves. */
function ownLimits(members: Member[]) {
  return members.map(({ host, pid, limits }) => ({ host, pid, ...limits }))
}

function asText(set: Partial<Limits>, members: Member[]): string {
  const table = new Table({ head: ['limit', 'in force', 'set by'], chars: NO_LINES_BETWEEN, style: PLAIN })
  for (const [name, label] of LIMITS) {
    const own = [...new Set(members.map(({ limits }) => limits[name]))].map((limit) => limitInWords(name, limit))
    const isSet = name in set
    const value = isSet ? limitInWords(name, set[name]) : own.length === 0 ? 'no worker runs' : own.join(' or ')
    table.push([label, value, isSet ? 'chat-enricher limit' : "workers' environment"])
  }
  return table.toString()
}

export const LIMITS = [
  ['rate', 'rate'],
  ['burst', 'burst'],
  ['inFlight', 'in flight'],
] as const

export function limitInWords(name: keyof Limits, limit: number | null | undefined): string {
  if (limit === null || limit === undefined) return 'none'
  return name === 'rate' ? `${number.format(limit)} calls/s` : counted(limit, 'call')
}
