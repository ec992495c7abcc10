/** One lookup as the API tells it, and a lookup that somebody waits for at the page. */

import { idToPath } from '../../../domain/id-in-path.ts'
import type { Result } from '../../../domain/result.ts'
import type { Waits } from '../../../domain/waits.ts'
import type { LookupStory } from '../../../intake/lookup-story.ts'
import { ask } from './api.ts'

export type Story = LookupStory & { waits: Waits | null }

/** What the service said is left out: it comes behind "show" alone. */
export async function readStory(lookupId: string, signal?: AbortSignal): Promise<Story> {
  const path = `v1/lookups/${idToPath(lookupId)}?result=false`
  return (await ask<{ story: Story }>('GET', path, undefined, signal)).story
}

const WAIT_S = 30

/** Asks for it on the queue of those that a person waits for. Resolves to its id, before it has ended. */
export async function lookUp(connectionId: string): Promise<string> {
  const body = { connectionId, interactive: true, deliver: 'wait' }
  return (await ask<{ lookupId: string }>('POST', 'v1/lookups', body)).lookupId
}

/** Resolves when it has ended, or after half a minute. */
export async function awaitStory(lookupId: string, signal: AbortSignal): Promise<Story> {
  const path = `v1/lookups/${idToPath(lookupId)}?result=false&wait=${WAIT_S}`
  return (await ask<{ story: Story }>('GET', path, undefined, signal)).story
}

/** What the service said. That somebody looked stands in the activity. Null: it is not there any more. */
export async function showResult(lookupId: string): Promise<Result | null> {
  const path = `v1/lookups/${idToPath(lookupId)}/show`
  return (await ask<{ result: Result | null }>('POST', path, {})).result
}
