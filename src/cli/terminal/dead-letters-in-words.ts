/** What `dead-letters` shows to people. */

import type { DeadLetterGroup, EndedEnd, EndedPlan, EndedRequest, LookupStory } from '../../app/hall.ts'
import { costInWords, planInWords } from './action.ts'
import { columns, counted, number } from './terminal.ts'

export function groupsInWords(groups: readonly DeadLetterGroup[]): string {
  if (groups.length === 0) return 'no dead letters'
  const rows = groups.map(({ failure, fault, httpStatus, count, firstAt, lastAt, failedAgain }) => {
    const cause = [failure ?? 'not known', fault, httpStatus === null ? null : `HTTP ${httpStatus}`]
    return [
      cause.filter(Boolean).join(', '),
      number.format(count),
      short(firstAt),
      short(lastAt),
      number.format(failedAgain),
    ]
  })
  return columns([['cause', 'count', 'first (UTC)', 'last (UTC)', 'failed again'], ...rows])
}

function short(at: string | null): string {
  return at?.slice(0, 16).replace('T', ' ') ?? '-'
}

export function endedPlanInWords({ action }: EndedRequest, plan: EndedPlan, ratePerSecond: number): string {
  return `${planInWords(plan, `to ${action}`)}\n${costInWords(plan.calls, plan.seconds, ratePerSecond)}`
}

export function endInWords({ action, lookupIds }: EndedRequest, end: EndedEnd): string {
  const { done, refused, refusedCount, wentOnFrom } = end
  const verb = action === 'redrive' ? 'put back' : 'dropped'
  const again = refused.filter(({ why }) => why === 'again').length
  const others = refusedCount - again
  const from = wentOnFrom ? `; it went on with the one that began ${wentOnFrom} and was not finished` : ''
  const left =
    again > 0 ? `; ${counted(again, 'lookup')} put back by that one have ended again: run it once more for them` : ''
  const taken =
    others > 0 && !lookupIds
      ? `; ${counted(others, 'lookup')} left: somebody else was first, or the result is still to be published`
      : ''
  return `${verb}: ${counted(done, 'lookup')}${from}${left}${taken}`
}

export function refusedInWords(lookupId: string, why: string, story: LookupStory | null): string {
  if (why === 'gone') return `${lookupId}: expected a dead letter, got no lookup of this id`
  if (why === 'early') return `${lookupId}: its result is still to be published; try again in a minute`
  const times = story && story.redrive > 0 ? `, put back ${counted(story.redrive, 'time')}` : ''
  return `${lookupId}: expected a dead letter, got one that is ${story?.state ?? 'not there any more'}${times}`
}
