import { useSignal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { stateAt } from '../../../domain/lookup-place.ts'
import { Refused } from '../state/api.ts'
import { acted, found, shownLookup, tellList } from '../state/find.ts'
import { isWatching } from '../state/live.ts'
import { lookupAction } from '../state/lookup-actions.ts'
import { followStory, type Story } from '../state/story.ts'
import { T } from '../texts.ts'
import { ActionButton } from './action-button.tsx'
import { StateOf } from './lookup-state.tsx'
import { ShowResult } from './show-result.tsx'
import { StoryFacts } from './story-facts.tsx'
import { StorySteps } from './story-steps.tsx'
import { TimeBar } from './time-bar.tsx'

/** What happened to one lookup, followed until it has ended. */
export function StoryCard({ lookupId }: { lookupId: string }) {
  const story = useSignal<Story | null>(null)
  const problem = useSignal<string | null>(null)
  const { value: isFollowed } = isWatching
  const heading = useInSight()
  useEffect(() => {
    if (story.value?.lookupId === lookupId && !isFollowed) return
    const stop = new AbortController()
    const told = (read: Story) => {
      story.value = read
      problem.value = null
      tellList(read)
    }
    followStory(lookupId, isFollowed, told, stop.signal).catch((error) => {
      if (!stop.signal.aborted) problem.value = error instanceof Refused ? error.message : String(error)
    })
    return () => stop.abort(new Error('not shown any more'))
  }, [lookupId, isFollowed, acted.value])
  return (
    <section class="card stack story" aria-labelledby="story" aria-busy={story.value === null}>
      <div class="row between">
        <div class="row">
          <h3 id="story" ref={heading} tabIndex={-1}>
            <Title connectionId={story.value?.connectionId ?? idInList(lookupId)} />
          </h3>
          {story.value ? (
            <StateOf
              state={stateAt(story.value.state)}
              result={story.value.result ?? story.value.end?.status ?? null}
            />
          ) : null}
        </div>
        <button type="button" onClick={() => (shownLookup.value = null)}>
          {T.actions.close}
        </button>
      </div>
      {problem.value === null ? null : <p class="problem">{problem.value}</p>}
      {story.value ? <Told story={story.value} /> : null}
    </section>
  )
}

/** Its place is above the list, which may be long: whoever opens it is brought there, and back when they close it. */
function useInSight() {
  const heading = useRef<HTMLHeadingElement>(null)
  useLayoutEffect(() => {
    const card = heading.current?.closest('section')
    const opener = document.activeElement
    const top = card?.getBoundingClientRect().top ?? 0
    if (top < 0 || top > innerHeight / 2) card?.scrollIntoView()
    heading.current?.focus({ preventScroll: true })
    return () => {
      if (!(opener instanceof HTMLElement && card?.contains(document.activeElement))) return
      requestAnimationFrame(() => opener.focus()) // once the list has moved to where the story was
    }
  }, [])
  return heading
}

function idInList(lookupId: string): string | null {
  return found.value?.lookups.find((one) => one.lookupId === lookupId)?.connectionId ?? null
}

/** An id may be of a script that is written from right to left. */
function Title({ connectionId }: { connectionId: string | null }) {
  if (connectionId === null) return <>{T.story.untitled}</>
  return (
    <>
      {T.story.title} <bdi>{connectionId}</bdi>
    </>
  )
}

function Told({ story }: { story: Story }) {
  const { lookupId, state } = story
  const isUntaken = state === 'waiting' || state === 'prioritized' || state === 'delayed'
  return (
    <>
      <TimeBar story={story} />
      <StorySteps story={story} />
      <StoryFacts story={story} />
      <div class="row">
        {isUntaken ? (
          <ActionButton
            action={() => lookupAction('cancel', { lookupIds: [lookupId] })}
            words={T.actions.cancel.one}
            isGrave
          />
        ) : null}
        {state === 'completed' ? (
          <ActionButton
            action={() => lookupAction('redrive', { lookupIds: [lookupId], selection: { state: 'finished' } })}
            words={T.actions.redrive.one}
          />
        ) : null}
        {state === 'failed' ? (
          <>
            <ActionButton
              action={() => lookupAction('redrive', { lookupIds: [lookupId] })}
              words={T.actions.redrive.one}
            />
            <ActionButton
              action={() => lookupAction('drop', { lookupIds: [lookupId] })}
              words={T.actions.drop.one}
              isGrave
            />
          </>
        ) : null}
      </div>
      <ShowResult story={story} />
    </>
  )
}
