import Table from 'cli-table3'
import { Command } from 'commander'
import type { GateStatus } from '../app/hall.ts'
import { VARIABLES } from '../config/table.ts'
import type { Limits } from '../fleet/fleet-control.ts'
import { isOfLimits, limitData } from '../fleet/limit-data.ts'
import { byHandInWords } from './terminal/by-hand-in-words.ts'
import type { CliCommand } from './terminal/command.ts'
import { GATE_GROUPS, WHICH_FLEET, withFleet } from './terminal/gate.ts'
import type { Io } from './terminal/io.ts'
import { LIMITS, limitInWords, quotaInWords } from './terminal/limits-in-words.ts'
import { withVariables } from './terminal/options.ts'
import { NO_LINES_BETWEEN, PLAIN } from './terminal/terminal.ts'
import { UsageError } from './terminal/usage-error.ts'
import { whoIsThis } from './terminal/who.ts'

export function limitCommand(): CliCommand {
  const command = new Command('limit')
    .option('--rate <n>', 'calls a second of the whole fleet, or none')
    .option('--burst <n>', 'calls that may leave at once after a pause')
    .option('--in-flight <n>', 'calls of the whole fleet at one time, or none')
    .option('--reset', "back to each process's own environment")
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
  return { command: withVariables(command, GATE_GROUPS, ['redis', 'queues']), action: runLimit }
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
    if (reset || Object.keys(wanted).length > 0) await fleet.changeLimits(whoIsThis(), wanted, reset)
    const status = await hall.status()
    if (status.serviceProblem !== null) return
    await io.print(json ? JSON.stringify(limitData(status)) : asText(status))
  })
}

/** A limit must be what its variable must be. */
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

function asText({ limits, quota, pace, byHand }: GateStatus): string {
  const table = new Table({ head: ['limit', 'in force', 'set by'], chars: NO_LINES_BETWEEN, style: PLAIN })
  for (const [name, label] of LIMITS) {
    const { values, setByHand } = limits[name]
    const inForce = values.map((limit) => limitInWords(name, limit)).join(' or ')
    table.push([label, inForce || 'no worker runs', setByHand ? 'chat-enricher limit' : "workers' environment"])
  }
  if (quota) table.push(['quota', quotaInWords(quota), "workers' environment"])
  if (pace) table.push(['pace', `${pace.share} of the rate`, 'chat-enricher release --pace'])
  return [table.toString(), ...byHandInWords(byHand.filter(isOfLimits))].join('\n')
}
