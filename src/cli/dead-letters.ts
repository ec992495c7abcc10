import { Command } from 'commander'
import type { EndedActions, EndedEnd, EndedPlan, EndedRequest, Hall } from '../app/hall.ts'
import { withHall } from '../app/with-hall.ts'
import type { Selection } from '../domain/selection.ts'
import { problemOfState } from '../fleet/ended-actions.ts'
import { type ActionFlags, isConfirmed, pacedProgress, planExit, withAction } from './terminal/action.ts'
import type { CliCommand } from './terminal/command.ts'
import { endedPlanInWords, endInWords, groupsInWords, refusedInWords } from './terminal/dead-letters-in-words.ts'
import { asUsageError, GATE_GROUPS } from './terminal/gate.ts'
import type { Io } from './terminal/io.ts'
import { configOf, withVariables } from './terminal/options.ts'
import { progressBar } from './terminal/progress.ts'
import { selectionOf, withSelection } from './terminal/selection-flags.ts'
import { UsageError } from './terminal/usage-error.ts'
import { whoIsThis } from './terminal/who.ts'

const ACTIONS = ['list', 'redrive', 'drop'] as const
/** Also at how many results a redrive waits, as a worker has it. */
const CONFIG_GROUPS = [...GATE_GROUPS, 'worker'] as const

interface Flags extends ActionFlags {
  force?: boolean
  reason?: string
}

export function deadLettersCommand(): CliCommand {
  const command = withAction(
    withSelection(
      new Command('dead-letters')
        .argument('[action]', 'list, redrive (put back) or drop (end for good)', 'list')
        .argument('[lookup-id...]', 'those lookups, instead of a selection'),
    ),
  )
    .option('--force', 'redrive: also what failed with the cause for which the fleet holds, during the hold')
    .option('--reason <text>', 'drop: why, for the activity')
    .addHelpText('after', EXAMPLES)
  return { command: withVariables(command, GATE_GROUPS, ['redis', 'queues']), action: runDeadLetters }
}

const EXAMPLES = `
Lists the lookups that gave up, in groups by cause: failure code, SOAP fault, HTTP status.
redrive puts them back on their queue, clean, at --rate: their next result says redrive 1 (2, …) and has an id of its own, so
a consumer can tell both results. It waits while the fleet holds, and while results pile up. Lookups that finished in another
way can be put back, too: --state finished, as long as they are kept. drop removes dead letters; their results stay.
A selection is counted first, and asked about on a terminal; a script says --yes. Ids need neither. What was cut off is
finished by running it again: nothing is put back twice.

Exit: 0 (also if there is none); 1 if one that was named is no dead letter, the fleet holds for the cause, or no Redis; 2 wrong
usage; 78 wrong configuration. With --dry-run the same.

Examples:
  chat-enricher dead-letters
  chat-enricher dead-letters redrive --failure soap-fault --newer-than 2h --dry-run
  chat-enricher dead-letters redrive lk-5d41402abc4b2a76b9719d911017c592 --dry-run
  chat-enricher dead-letters redrive --state finished --response-code 9 --newer-than 2h
  chat-enricher dead-letters drop --older-than 7d --reason "asked again by the CRM"`

async function runDeadLetters(command: Command, io: Io): Promise<number> {
  const [action = 'list', ...lookupIds] = command.args
  const flags = command.opts() as Flags
  const selection = selectionOf(command)
  const request = action === 'list' ? null : requestOf(action, lookupIds, selection, flags)
  if (!request && lookupIds.length > 0)
    throw new UsageError('list: expected no lookup ids; status LOOKUP_ID tells of one')
  const { config } = configOf(command, io, CONFIG_GROUPS, ['redis', 'queues'])
  return withHall(config, 'dead-letters', async (hall) => {
    if (!request) return list(hall, io, selection ?? {}, flags)
    return act(hall, hall.endedActions(config), io, request, flags).catch(asUsageError)
  })
}

function requestOf(action: string, ids: string[], given: Selection | null, { reason, force }: Flags): EndedRequest {
  if (action !== 'redrive' && action !== 'drop') {
    throw new UsageError(`action: expected one of ${ACTIONS.join(', ')}, got ${JSON.stringify(action)}`)
  }
  const selection = given ?? {}
  const others = Object.keys(selection).filter((field) => field !== 'state')
  if (ids.length > 0 && others.length > 0) throw new UsageError('expected lookup ids or a selection, got both')
  if (ids.length === 0 && given === null)
    throw new UsageError(`${action}: expected lookup ids or a selection, as --all`)
  const problem = problemOfState(action, selection)
  if (problem) throw new UsageError(`--${problem}`)
  if (action === 'drop' && !reason) throw new UsageError('--reason: expected one, because what is dropped is gone')
  const lookupIds = ids.length > 0 ? [...new Set(ids)] : null
  return { action, who: whoIsThis(), selection, lookupIds, ...(reason && { reason }), ...(force && { force }) }
}

async function list(hall: Hall, io: Io, selection: Selection, { json }: Flags): Promise<number> {
  const progress = progressBar(io, 'lookups looked at', null, Boolean(json))
  const onLooked = (looked: number) => progress.update(looked, looked)
  const options = { signal: io.interruption(), onLooked }
  const { groups, looked, unread } = await hall.deadLetters(selection, options).finally(() => progress.stop())
  if (!json) await io.print(groupsInWords(groups))
  else for (const line of [...groups, { looked, unread, complete: true }]) await io.print(JSON.stringify(line))
  return 0
}

async function act(hall: Hall, actions: EndedActions, io: Io, request: EndedRequest, flags: Flags): Promise<number> {
  const { rate: ratePerSecond, dryRun, yes, json } = flags
  const signal = io.interruption()
  let total = request.lookupIds?.length ?? 0
  if (dryRun || !request.lookupIds) {
    const plan = await actions.plan(request, { ratePerSecond, signal })
    total = plan.count
    if (dryRun || plan.refused) return tellPlan(io, request, plan, flags)
    if (!yes) io.say(endedPlanInWords(request, plan, ratePerSecond))
    if (plan.count > 0 && !(await isConfirmed(io, `${request.action} ${plan.count}?`, Boolean(yes), signal))) return 1
  }
  const progress = pacedProgress(io, 'lookups', total, Boolean(json))
  const { onProgress } = progress
  const end = await actions.run(request, { ratePerSecond, signal, onProgress }).finally(() => progress.stop())
  return tellEnd(hall, io, request, end, json)
}

async function tellPlan(io: Io, request: EndedRequest, plan: EndedPlan, { json, rate }: Flags): Promise<number> {
  const told = json ? JSON.stringify({ action: request.action, ...plan }) : endedPlanInWords(request, plan, rate)
  await io.print(told)
  if (!plan.refused) return planExit(io, request.lookupIds, plan)
  io.say(plan.refused)
  return 1
}

async function tellEnd(hall: Hall, io: Io, request: EndedRequest, end: EndedEnd, json?: boolean): Promise<number> {
  await io.print(json ? JSON.stringify({ action: request.action, ...end }) : endInWords(request, end))
  if (!request.lookupIds) return 0
  for (const { lookupId, why } of end.refused) {
    io.say(refusedInWords(lookupId, why, why === 'elsewhere' ? await hall.story(lookupId) : null))
  }
  return end.refusedCount > 0 ? 1 : 0
}
