/** What `status LOOKUP_ID` shows to people. */

import type { LookupStory } from '../../app/hall.ts'
import { answerInWords } from '../../domain/failure.ts'
import { stateAt } from '../../domain/lookup-place.ts'
import { PHASES } from '../../domain/timing.ts'
import type { SaidByService } from '../../intake/lookup-story.ts'
import { counted, seconds } from './terminal.ts'
import { waitsInWords } from './waits-in-words.ts'

export function storyInWords(story: LookupStory, resultQueue: string): string {
  const { lookupId, queue, state, enqueuedAt, dueAt, redrive, taken, stalls, history, lastFailure, result, waits } =
    story
  const lines = [
    `${lookupId} on ${queue}: ${stateAt(state)}`,
    redrive > 0 && `put back ${counted(redrive, 'time')} after it had ended; its next result says redrive ${redrive}`,
    enqueuedAt && `enqueued ${enqueuedAt}, taken up ${counted(taken, 'time')}`,
    stalls > 0 && `taken back ${counted(stalls, 'time')} from a worker that died or lost Redis`,
    ...(result ? [timeInWords(story), endInWords(story, resultQueue)] : [historyInWords(history)]),
    !result && history && history.rechecks > 0 && `not found ${counted(history.rechecks, 'time')}, to be asked again`,
    !result && lastFailure && `last failure: ${whyInWords(lastFailure)}`,
    !result && timeInWords(story),
    !result && `no result yet${waits ? `: ${waitsInWords(waits, dueAt)}` : ''}`,
  ]
  return lines.filter((line) => typeof line === 'string').join('\n')
}

/** `its time: waited 1.2 s, called 85 ms`. */
function timeInWords({ timing }: LookupStory): string | null {
  if (!timing) return null
  const parts = PHASES.filter((phase) => timing[`${phase}Ms`] > 0)
  return `its time: ${parts.map((phase) => `${phase} ${seconds(timing[`${phase}Ms`])}`).join(', ')}`
}

function historyInWords(history: LookupStory['history']): string | null {
  if (!history) return null
  const { calls, failures, charged } = history
  return `so far: ${counted(calls, 'call')} in ${counted(failures, 'failed attempt')}; ${charged} of ${failures} count towards giving up`
}

/** `soap-fault: the service answered with a SOAP fault; SOAP fault Server, HTTP 500`; '' where there is nothing to say. */
function whyInWords(of: SaidByService & { code: string | null; message: string | null }): string {
  return [of.code === null ? '' : `${of.code}: ${of.message}`, answerInWords(of)].filter(Boolean).join('; ')
}

function endInWords(story: LookupStory, resultQueue: string): string {
  const { result, end } = story
  const at = end?.finishedAt ? `finished ${end.finishedAt}` : 'finished'
  const said = end === null ? '' : whyInWords(end)
  const why = said === '' ? '' : ` (${said})`
  const tries =
    end?.calls != null && end.attempts != null
      ? `, after ${counted(end.calls, 'call')} in ${counted(end.attempts, 'attempt')}`
      : ''
  return `${at}: ${result}${why}${tries}; the result ${whereInWords(story, resultQueue)}`
}

function whereInWords({ resultIsThere, deliver, keptUntil }: LookupStory, resultQueue: string): string {
  if (keptUntil) return `is kept until ${keptUntil} for whoever waits for it`
  if (deliver === 'wait') return 'is no longer kept for whoever waits for it'
  return resultIsThere ? `waits on ${resultQueue}` : `has been taken from ${resultQueue}`
}
