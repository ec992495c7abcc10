/** What `status` shows to people. */

import type { FleetStatus, GateStatus } from '../../app/hall.ts'
import { certificatesInWords } from '../../fleet/certificates.ts'
import { holdInWords, type Limits } from '../../fleet/fleet-control.ts'
import { differingSettings, type SeenMember, TAKEN_UP_WITHIN_MS } from '../../fleet/members.ts'
import { fullInWords, NO_WORKER, sentenceOf } from '../../fleet/sentence.ts'
import { byHandInWords } from './by-hand-in-words.ts'
import { LIMITS, limitInWords, quotaInWords } from './limits-in-words.ts'
import { producersInWords } from './producers-in-words.ts'
import { columns, counted, mebibytes, number, seconds } from './terminal.ts'

/** A worker says something every two seconds. */
const LATE_MS = 5_000

/** What is wrong first, then what is where, then who works, and the sum of it last. */
export function statusInWords(status: FleetStatus, now: number): string {
  const gate = status.serviceProblem === null ? status : null
  return [
    ...memoryInWords(status),
    ...tooMuchInWords(status),
    ...(gate ? holdsInWords(gate) : []),
    ...status.queues.flatMap(restraintsInWords),
    ...status.otherQueues.map(
      ({ queue, waiting }) => `${queue} is a queue that nobody here reads: ${counted(waiting, 'job')} wait there`,
    ),
    queuesInWords(status),
    '',
    membersInWords(status, gate, now),
    ...status.lost.map(lostInWords),
    ...differencesInWords(status.members ?? [], gate?.limitsSet),
    ...(gate && gate.callsInFlight > 0 ? [`calls in flight ${number.format(gate.callsInFlight)}`] : []),
    ...byHandInWords(status.byHand),
    ...producersInWords(status.producers),
    ...certificatesInWords(status.members ?? [], now).map(({ says }) => says),
    ...(gate?.quota ? [`quota ${quotaInWords(gate.quota)}`] : []),
    ...needInWords(status),
    sentenceOf(status),
  ].join('\n')
}

export function holdsInWords({ holds, at }: Pick<GateStatus, 'holds' | 'at'>): string[] {
  return holds.map((hold) => holdInWords(hold, at))
}

function memoryInWords({ redis }: FleetStatus): string[] {
  return redis?.isFull ? [fullInWords(redis)] : []
}

function needInWords({ memoryNeed }: FleetStatus): string[] {
  if (!memoryNeed || memoryNeed.perSecond === 0) return []
  const { perSecond, bytes } = memoryNeed
  return [`what is remembered at ${number.format(perSecond)} lookups/s fills up to ${mebibytes(bytes)} of Redis`]
}

function tooMuchInWords({ memoryNeed, redis }: FleetStatus): string[] {
  if (!memoryNeed || !redis || memoryNeed.bytes <= (memoryNeed.availableBytes ?? Number.POSITIVE_INFINITY)) return []
  const { perSecond, bytes, availableBytes, keeps } = memoryNeed
  return [
    `Redis at ${redis.where} has ${mebibytes(availableBytes ?? 0)}, but ${number.format(perSecond)} lookups/s need up to ${mebibytes(bytes)}. ` +
      `Do: give it more, or lower LOOKUP_RETENTION_MS (${keeps.lookupsMs}) or RESULT_MARKER_TTL_MS (${keeps.markersMs}).`,
  ]
}

function restraintsInWords({
  queue,
  isPaused,
  limitSet,
  concurrencySet,
  unlisted,
}: FleetStatus['queues'][number]): string[] {
  const lines: string[] = []
  if (isPaused) lines.push(`${queue} is paused: no worker takes anything from it`)
  if (unlisted !== null && unlisted > 0)
    lines.push(`${queue}: ${unlisted} in no list, where nobody finds them; a worker puts them back within a minute`)
  if (limitSet)
    lines.push(
      `${queue} has a limit of BullMQ's own: ${counted(limitSet.jobs, 'job')} in ${seconds(limitSet.perMs)}. Do: Queue#removeGlobalRateLimit`,
    )
  if (concurrencySet !== null)
    lines.push(
      `${queue} has a limit of BullMQ's own: ${counted(concurrencySet, 'job')} at one time. Do: Queue#removeGlobalConcurrency`,
    )
  return lines
}

function queuesInWords({ queues }: FleetStatus): string {
  const rows = queues.map(({ queue, jobs, oldestAgeMs }) => {
    const { waiting, prioritized, delayed, active, completed, failed } = jobs
    const counts = [waiting + prioritized, delayed, active, completed, failed].map((count) => number.format(count))
    return [queue, ...counts, oldestAgeMs > 0 ? seconds(oldestAgeMs) : '-']
  })
  return columns([['queue', 'waiting', 'delayed', 'active', 'finished', 'dead', 'oldest'], ...rows])
}

function membersInWords({ members }: FleetStatus, gate: GateStatus | null, now: number): string {
  if (members === null) return 'workers: not known while Redis takes no writes'
  if (members.length === 0) return NO_WORKER
  const rows = members.map(
    ({ host, pid, version, startedAt, inProgress, concurrency, perSecond, limits, ...member }) => {
      const limit = (gate && 'rate' in gate.limitsSet ? gate.limitsSet.rate : limits.rate) ?? 'none'
      const up = seconds(Math.max(0, now - Date.parse(startedAt)))
      return [host, `${pid}`, version, up, `${inProgress}/${concurrency}`, `${perSecond}`, `${limit}`, stateOf(member)]
    },
  )
  return columns([['worker', 'pid', 'version', 'up', 'busy', 'results/s', 'limit/s', 'state'], ...rows])
}

function stateOf({ stopping, seenMsAgo }: Pick<SeenMember, 'stopping' | 'seenMsAgo'>): string {
  if (seenMsAgo > LATE_MS) return `silent ${seconds(seenMsAgo)}`
  return stopping ? 'stopping' : 'works'
}

function lostInWords({ host, pid, inProgress, seenMsAgo }: SeenMember): string {
  const whose = inProgress === 1 ? '1 lookup belongs' : `${number.format(inProgress)} lookups belong`
  const left = TAKEN_UP_WITHIN_MS - seenMsAgo
  const taken = left > 0 ? `other workers take them up within ${seconds(left)}` : 'other workers have taken them up'
  return `${whose} to worker ${host} pid ${pid}, last seen ${seconds(seenMsAgo)} ago; ${taken}`
}

/** Where workers differ, somebody is half way through a deployment, or two of them were set up apart. */
function differencesInWords(members: readonly SeenMember[], limitsSet: Partial<Limits> = {}): string[] {
  const limits = LIMITS.filter(([name]) => !(name in limitsSet))
  const settings: [label: string, of: (member: SeenMember) => string][] = [
    ['version', ({ version }) => version],
    ...limits.map(([name, label]): [string, (member: SeenMember) => string] => [
      label,
      (member) => limitInWords(name, member.limits[name]),
    ]),
  ]
  const found = settings.map(([label, of]): [string, string[]] => [label, [...new Set(members.map(of))].sort()])
  const differing = [...found.filter(([, values]) => values.length > 1), ...differingSettings(members)]
  return differing.map(([label, values]) => `workers differ: ${label} ${values.slice(0, 5).join(' and ')}`)
}
