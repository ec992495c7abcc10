import Table from 'cli-table3'
import { Command } from 'commander'
import type { FleetStatus, Hall, LookupStory } from '../app/hall.ts'
import { withHall } from '../app/with-hall.ts'
import { sleep } from '../clock.ts'
import { type FleetGate, holdInWords } from '../fleet/fleet-control.ts'
import type { Member } from '../fleet/members.ts'
import { LIMITS, limitInWords } from './limit.ts'
import type { CliCommand } from './terminal/command.ts'
import { GATE_GROUPS, WHICH_FLEET } from './terminal/gate.ts'
import type { Io } from './terminal/io.ts'
import { configOf, withVariables } from './terminal/options.ts'
import { counted, NO_LINES_BETWEEN, number, PLAIN, seconds } from './terminal/terminal.ts'

const WATCH_EVERY_MS = 2000

export function statusCommand(): CliCommand {
  const command = new Command('status')
    .argument('[lookup-id]', 'the story of one lookup instead')
    .option('--watch', `again every ${WATCH_EVERY_MS / 1000} s, until Ctrl-C`)
    .option('--json', 'as JSON, one line each time')
    .addHelpText('after', EXAMPLES)
  return { command: withVariables(command, GATE_GROUPS), action: runStatus }
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
  const { json, watch } = command.opts() as { json?: boolean; watch?: boolean }
  const { config } = configOf(command, io, GATE_GROUPS, ['redis', 'queues'])
  const [lookupId] = command.args
  const stop = io.interruption()
  let found = true
  await withHall(config, 'status', async (hall) => {
    for (let first = true; first || (watch && !stop.aborted); first = false) {
      const shown = lookupId === undefined ? await showFleet(io, hall, json) : await showLookup(hall, lookupId, json)
      found = shown !== null
      if (watch && !json && io.stdout.isTTY) io.stdout.write('\x1b[2J\x1b[H')
      if (shown !== null) await io.print(shown)
      else io.say(`${lookupId}: expected a lookup that is known here, got none: never enqueued, or forgotten`)
      if (watch) await sleep(WATCH_EVERY_MS, stop).catch(() => {})
    }
  })
  return found ? 0 : 1
}

async function showLookup(hall: Hall, lookupId: string, json = false): Promise<string | null> {
  const story = await hall.story(lookupId)
  if (!story || json) return story && JSON.stringify(story)
  const status = story.result === null ? await hall.status() : null
  const holds = status?.serviceProblem === null ? holdsInWords(status) : []
  return [storyInWords(story), ...holds].join('\n')
}

function holdsInWords({ holds, at }: FleetGate): string[] {
  return holds.map((hold) => holdInWords(hold, at))
}

function storyInWords(story: LookupStory): string {
  const { queue, state, enqueuedAt, dueAt, taken, stalls, history, lastFailure, result, resultIsThere } = story
  const where = resultIsThere ? 'which waits in the result queue' : 'which has been consumed'
  const lines = [
    `${story.lookupId} on ${queue}: ${state}${dueAt ? `, due ${dueAt}` : ''}`,
    enqueuedAt && `enqueued ${enqueuedAt}, taken up ${counted(taken, 'time')}`,
    stalls > 0 && `its worker died ${counted(stalls, 'time')}`,
    history &&
      `as it last went back: ${counted(history.calls, 'call')}, ${counted(history.failures, 'failed attempt')}, ${history.charged} charged to it`,
    history && history.rechecks > 0 && `not found ${counted(history.rechecks, 'time')}, to be asked again`,
    lastFailure && `last failure: ${lastFailure.code}: ${lastFailure.message}`,
    result ? `it has had its result: ${result}, ${where}` : 'no result yet',
  ]
  return lines.filter((line) => typeof line === 'string').join('\n')
}

async function showFleet(io: Io, hall: Hall, json = false): Promise<string> {
  const status = await hall.status()
  if (status.serviceProblem !== null) io.say(`holds and limits are not shown: ${status.serviceProblem}`)
  return json ? JSON.stringify(status) : asText(status, status.serviceProblem === null ? status : null)
}

function limitsSetInWords({ limitsSet }: FleetGate): string[] {
  const set = LIMITS.filter(([name]) => name in limitsSet)
  if (set.length === 0) return []
  const limits = set.map(([name, label]) => `${label} ${limitInWords(name, limitsSet[name])}`)
  return [`limits set by hand: ${limits.join(', ')}; chat-enricher limit --reset ends that`]
}

/** Where workers differ, somebody is half way through a deployment, or two of them were set up apart. */
function differencesInWords(members: readonly Member[], limitsSet: FleetGate['limitsSet'] = {}): string[] {
  const limits = LIMITS.filter(([name]) => !(name in limitsSet))
  const settings: [label: string, of: (member: Member) => string][] = [
    ['version', ({ version }) => version],
    ...limits.map(([name, label]): [string, (member: Member) => string] => [
      label,
      (member) => limitInWords(name, member.limits[name]),
    ]),
  ]
  return settings.flatMap(([label, of]) => {
    const values = [...new Set(members.map(of))].sort()
    return values.length > 1 ? [`workers differ: ${label} ${values.join(' and ')}`] : []
  })
}

const plain = { chars: NO_LINES_BETWEEN, style: PLAIN }

function asText({ queues, members, perSecond, drainSeconds, backlog }: FleetStatus, gate: FleetGate | null): string {
  const states = new Table({
    head: ['queue', 'waiting', 'prioritized', 'delayed', 'active', 'completed', 'failed', 'oldest'],
    ...plain,
  })
  for (const { queue, jobs, oldestAgeMs } of queues) {
    const { waiting, prioritized, delayed, active, completed, failed } = jobs
    const counts = [waiting, prioritized, delayed, active, completed, failed].map((count) => number.format(count))
    states.push([queue, ...counts, oldestAgeMs > 0 ? seconds(oldestAgeMs) : '-'])
  }
  const fleet = new Table({ head: ['worker', 'pid', 'version', 'since', 'busy', 'results/s', 'limit/s', ''], ...plain })
  for (const member of members) {
    const { host, pid, version, startedAt, inProgress, concurrency, limits, stopping } = member
    const busy = `${inProgress}/${concurrency}`
    const limit = (gate && 'rate' in gate.limitsSet ? gate.limitsSet.rate : limits.rate) ?? 'none'
    fleet.push([host, pid, version, startedAt, busy, member.perSecond, limit, stopping ? 'stopping' : ''])
  }
  const eta =
    drainSeconds === null ? (backlog > 0 ? 'not draining' : 'nothing waits') : `gone in ${seconds(drainSeconds * 1000)}`
  const workers = members.length === 0 ? 'no worker is running' : `${fleet.toString()}`
  const inFlight = gate && gate.callsInFlight > 0 ? [`calls in flight ${number.format(gate.callsInFlight)}`] : []
  return [
    ...(gate ? holdsInWords(gate) : []),
    ...queues
      .filter(({ isPaused }) => isPaused)
      .map(({ queue }) => `${queue} is paused: no worker takes anything from it`),
    states.toString(),
    workers,
    ...differencesInWords(members, gate?.limitsSet),
    ...inFlight,
    ...(gate ? limitsSetInWords(gate) : []),
    `backlog ${number.format(backlog)}, ${number.format(perSecond)} results/s: ${eta}`,
  ].join('\n')
}
