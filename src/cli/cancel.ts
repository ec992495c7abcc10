import { Command } from 'commander'
import type { Hall } from '../app/hall.ts'
import { withHall } from '../app/with-hall.ts'
import type { WhichLookups } from '../fleet/cancel.ts'
import { cancelCost, cancelledData } from '../fleet/cancel-data.ts'
import type { PacedEnd, Plan } from '../fleet/paced.ts'
import {
  type ActionFlags,
  costInWords,
  isConfirmed,
  pacedProgress,
  planExit,
  planInWords,
  withAction,
} from './terminal/action.ts'
import type { CliCommand } from './terminal/command.ts'
import { GATE_GROUPS } from './terminal/gate.ts'
import type { Io } from './terminal/io.ts'
import { configOf, withVariables } from './terminal/options.ts'
import { selectionOf, withSelection } from './terminal/selection-flags.ts'
import { counted } from './terminal/terminal.ts'
import { UsageError } from './terminal/usage-error.ts'
import { whoIsThis } from './terminal/who.ts'

export function cancelCommand(): CliCommand {
  const command = withAction(withSelection(new Command('cancel').argument('[lookup-id...]', 'ids of lookups')))
  command.addHelpText('after', EXAMPLES)
  return { command: withVariables(command, GATE_GROUPS, ['redis', 'queues']), action: runCancel }
}

const EXAMPLES = `
Ends lookups that no worker has in hand: those that wait, are delayed, went back after a failure, or are to be asked again. Each
gets its one result (status failed, code cancelled), and is among the dead letters, from where it can be put back. With a
selection it says first what it would do. Where as many results wait as RESULT_BACKLOG_LIMIT allows, it says so, and goes on
when they are consumed. Stopped or killed, it has done what it has done; run again, it does the rest. Nothing that comes after
it began is cancelled.

Exit: 0 (also for an empty selection); 1 if one that was named was in hand, had ended or is not known, or no Redis; 2 wrong
usage, or no --yes where there is no terminal to ask; 78 wrong configuration; 130 after Ctrl-C. With --dry-run the same.

Examples:
  chat-enricher cancel lk-5d41402abc4b2a76b9719d911017c592
  chat-enricher cancel --producer import --state waiting --dry-run
  chat-enricher cancel --producer import --rate 500 --yes`

/** Also how results are published, as a worker has it. */
const CONFIG_GROUPS = [...GATE_GROUPS, 'worker'] as const

async function runCancel(command: Command, io: Io): Promise<number> {
  const flags = command.opts() as ActionFlags
  const which = whichOf(command)
  const { config } = configOf(command, io, CONFIG_GROUPS, ['redis', 'queues'])
  const { resultMarkerTtlMs: markerTtlMs, resultKeepMs: keepMs, lookupRetentionMs, resultBacklogLimit } = config
  const signal = io.interruption()
  return withHall(config, 'cancel', async (hall) => {
    if (flags.dryRun) return tellPlan(io, hall, which, flags, signal)
    if (!(await goesOn(io, hall, which, flags, signal))) return 0
    const progress = pacedProgress(io, 'lookups cancelled', null, 'lookupIds' in which)
    const end = await hall
      .cancel({ markerTtlMs, keepMs, lookupRetentionMs, resultBacklogLimit }, which, {
        who: whoIsThis(),
        ratePerSecond: flags.rate,
        signal,
        onProgress: progress.onProgress,
      })
      .finally(() => progress.stop())
    return tell(io, end, which, flags.json ?? false)
  })
}

function whichOf(command: Command): WhichLookups {
  const selection = selectionOf(command)
  const lookupIds = [...new Set(command.args)]
  if (selection !== null && lookupIds.length > 0) throw new UsageError('expected ids or a selection, got both')
  if (selection !== null) return { selection }
  if (lookupIds.length === 0)
    throw new UsageError('expected ids, or what to cancel, as --producer NAME or --all, got neither')
  return { lookupIds }
}

async function tellPlan(
  io: Io,
  hall: Hall,
  which: WhichLookups,
  { json, rate }: ActionFlags,
  signal: AbortSignal,
): Promise<number> {
  const plan = await hall.cancelPlan(which, { signal })
  await io.print(json ? JSON.stringify({ ...plan, ...cancelCost(plan, rate) }) : inWords(plan, rate))
  return planExit(io, 'lookupIds' in which ? which.lookupIds : null, plan)
}

function inWords(plan: Plan, rate: number): string {
  const { calls, seconds } = cancelCost(plan, rate)
  return `${planInWords(plan, 'to cancel')}\n${costInWords(calls, seconds, rate)}`
}

/** Says what would be done, and asks; not about what was named. */
async function goesOn(
  io: Io,
  hall: Hall,
  which: WhichLookups,
  { yes = false, rate }: ActionFlags,
  signal: AbortSignal,
): Promise<boolean> {
  if ('lookupIds' in which) return true
  const plan = await hall.cancelPlan(which, { signal })
  io.say(inWords(plan, rate))
  if (plan.count === 0) return false
  return isConfirmed(io, `Cancel ${counted(plan.count, 'lookup')}?`, yes, signal)
}

const WHY: Readonly<Record<string, string>> = {
  active: 'a worker has it in hand, so it gets its answer',
  ended: 'it has had its result',
  gone: 'there is no such lookup',
  changed: 'it changed again and again: run cancel again',
  moved: 'it moved again and again: run cancel again',
}

async function tell(io: Io, end: PacedEnd, which: WhichLookups, json: boolean) {
  const { done, refused, refusedCount } = end
  const isNamed = 'lookupIds' in which
  if (json) await io.print(JSON.stringify(cancelledData(end)))
  else await io.print(`${counted(done, 'lookup')} cancelled`)
  if (isNamed && !json) for (const { lookupId, why } of refused) io.say(`${lookupId}: ${WHY[why] ?? why}`)
  if (!isNamed && refusedCount > 0) io.say(`${counted(refusedCount, 'lookup')} started or ended before that`)
  return isNamed && refusedCount > 0 ? 1 : 0
}
