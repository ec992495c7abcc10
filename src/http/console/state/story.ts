/** One lookup as the API tells it, and a lookup that somebody waits for at the page. */

import { idToPath } from '../../../domain/id-in-path.ts'
import { hasEndedAt } from '../../../domain/lookup-place.ts'
import type { Result } from '../../../domain/result.ts'
import type { Waits } from '../../../domain/waits.ts'
import type { LookupStory } from '../../../intake/lookup-story.ts'
import { ask, isUnknown, Refused } from './api.ts'

export type Story = LookupStory & { waits: Waits | null }

/** What the service said is left out: it comes behind "show" alone. */
async function readStory(lookupId: string, signal?: AbortSignal): Promise<Story> {
  const path = `v1/lookups/${idToPath(lookupId)}?result=false`
  return (await ask<{ story: Story }>('GET', path, undefined, signal)).story
}

const WAIT_S = 30

/** Asks for it on the queue of those that a person waits for. Resolves to its id, before it has ended. */
export async function lookUp(connectionId: string): Promise<string> {
  const body = { connectionId, interactive: true, deliver: 'wait' }
  return (await ask<{ lookupId: string }>('POST', 'v1/lookups', body)).lookupId
}

/** Resolves when it has its result, or after half a minute. */
async function awaitStory(lookupId: string, signal: AbortSignal): Promise<Story> {
  const path = `v1/lookups/${idToPath(lookupId)}?result=false&wait=${WAIT_S}`
  return (await ask<{ story: Story }>('GET', path, undefined, signal)).story
}

/** Tells it now and, where it `isFollowed`, until it has ended. What was refused for a while is asked for again. */
export async function followStory(
  lookupId: string,
  isFollowed: boolean,
  told: (story: Story) => void,
  signal: AbortSignal,
): Promise<void> {
  let story: Story | null = null
  while (story === null || (isFollowed && story.result === null && !hasEndedAt(story.state))) {
    const read: Promise<Story> = story === null ? readStory(lookupId, signal) : awaitStory(lookupId, signal)
    const next = await read.catch(passes)
    if (next === null) await rest(AGAIN_MS, signal)
    else told(next)
    story = next ?? story
  }
}

const AGAIN_MS = 2_000

/** The API or Redis is away, or too many wait. */
function passes(error: unknown): null {
  if (isUnknown(error) || (error instanceof Refused && [429, 503].includes(error.status))) return null
  throw error
}

function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    setTimeout(resolve, ms)
    signal.addEventListener('abort', () => reject(signal.reason))
  })
}

/** What the service said. That somebody looked stands in the activity. Null: it is not there any more. */
export async function showResult(lookupId: string): Promise<Result | null> {
  const path = `v1/lookups/${idToPath(lookupId)}/show`
  return (await ask<{ result: Result | null }>('POST', path, {})).result
}
