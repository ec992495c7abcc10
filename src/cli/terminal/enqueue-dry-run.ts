/** `enqueue --dry-run`: what it would do, in words or as JSON. */

import type { DryRunEnd, Hall } from '../../app/hall.ts'
import { checkedWith, type EnqueueOptions } from './enqueue-run.ts'
import type { Source } from './enqueue-source.ts'
import type { Io } from './io.ts'
import { counted, number, seconds } from './terminal.ts'

type Options = Pick<EnqueueOptions, 'common' | 'json'>

/** Resolves to the exit code: 1 if a line holds no lookup. */
export async function runDry(io: Io, hall: Hall, { common, json }: Options, source: Source): Promise<number> {
  const stop = io.interruption()
  stop.addEventListener('abort', () => source.close(stop.reason as Error))
  try {
    const { requests } = source
    const told = await hall.dryRun({ requests, check: (request) => checkedWith(common, request) }, stop)
    await io.print(json ? JSON.stringify(told) : inWords(told))
    return told.bad > 0 ? 1 : 0
  } finally {
    source.close(new Error('done'))
  }
}

function inWords(told: DryRunEnd): string {
  const { lines, bad, firstBad, lookups, repeatedKeys } = told
  return [
    `nothing was enqueued. ${counted(lines, 'line')}: ${counted(lookups, 'lookup')}${repeatedKeys > 0 ? `, ${number.format(repeatedKeys)} that are there already by their idempotencyKey` : ''}, ${number.format(bad)} bad`,
    ...firstBad.map(({ line, problem }) => `line ${line}: ${problem}`),
    ...(bad > firstBad.length ? [`and ${counted(bad - firstBad.length, 'more bad line')}`] : []),
    callsInWords(told),
    paceInWords(told),
    ...quotaInWords(told),
    ...interactiveInWords(told),
  ].join('\n')
}

function callsInWords({ callsAtMost, callsShared, repeatedIds, isExact }: DryRunEnd): string {
  const all = `calls: ${number.format(callsAtMost)} at most, before retries`
  if (repeatedIds === 0 && isExact) return `${all}; no connection id comes twice`
  const least = isExact ? '' : 'at least '
  return `${all}; ${least}${counted(repeatedIds, 'lookup')} of a connection id that came before, so ${number.format(callsShared)} if all of those share a call`
}

function paceInWords({ perSecond, hours, backlog }: DryRunEnd): string {
  if (perSecond === null || hours === null)
    return 'time: not known, because nothing limits the calls a second, or no worker runs'
  const before = backlog > 0 ? `; ${counted(backlog, 'lookup')} that wait already come before` : ''
  return `time: ${seconds(hours * 3_600_000)} at the limit of ${number.format(perSecond)} calls/s${before}`
}

function quotaInWords({ quota }: DryRunEnd): string[] {
  if (quota === null) return []
  return [
    `quota: ${Math.ceil(quota.share * 100)} % of ${counted(quota.calls, 'call')}, of which ${number.format(quota.left)} are left now`,
  ]
}

function interactiveInWords({ interactiveKeeps }: DryRunEnd): string[] {
  if (interactiveKeeps === null) return []
  const { share, perSecond } = interactiveKeeps
  return [
    `the interactive lane keeps ${Math.round(share * 100)} % of the pace, ${number.format(perSecond)} calls/s, while a lookup waits there`,
  ]
}
