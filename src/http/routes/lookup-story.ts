/** What became of a lookup: its story, its result once there is one, and the result for a person to look at. */

import type { FastifyRequest } from 'fastify'
import type { LookupStory } from '../../app/hall.ts'
import type { PromptHall } from '../../app/prompt-hall.ts'
import type { Lane } from '../../domain/lane.ts'
import { allows } from '../../domain/role.ts'
import { answers, json, OF_BODY } from '../answers.ts'
import type { Server } from '../api-server.ts'
import { idOf, lookupParams, lookupSchemaOfApi, shownSchema, storyQuery } from '../messages/lookups.ts'
import { Problem } from '../problem.ts'
import { mayRest } from '../stalls.ts'
import { whoAsks } from './fleet.ts'
import type { Intake } from './intake.ts'

const tags = ['lookups']

export function storyRoutes(server: Server, intake: Intake): void {
  storyRoute(server, intake)
  showRoute(server, intake)
}

function storyRoute(server: Server, intake: Intake): void {
  const schema = {
    tags,
    summary:
      'Where a lookup is, what happened to it, and its result once there is one; with ?wait as soon as there is one.',
    params: lookupParams,
    querystring: storyQuery,
    response: answers(
      { 200: json('What is known of it.', lookupSchemaOfApi) },
      'invalid-request',
      'lookup-unknown',
      'too-many-waiting',
    ),
  }
  const config = { roles: ['enqueue', 'view'] as const }
  server.get('/v1/lookups/:lookupId', { config, schema }, async (request) => {
    const lookupId = idOf(request.params)
    const { wait, result: withResult = true } = request.query as { wait?: number; result?: boolean }
    const read = async () => visible(request, await readLookup(intake.hall, lookupId, withResult))
    const seen = await read()
    if (wait === undefined || seen.story.result !== null) return seen
    await waitFor(intake, request, seen.story.lane, lookupId, wait)
    return read()
  })
}

/** For people: what a program reads is its own business, what a person looks at is noted. */
function showRoute(server: Server, intake: Intake): void {
  const schema = {
    tags,
    summary:
      "The result of a lookup for a person to look at, the customer's data with it; that they did stands in the activity.",
    params: lookupParams,
    response: answers({ 200: json('The result.', shownSchema) }, ...OF_BODY, 'lookup-unknown'),
  }
  const config = { roles: ['results'] as const }
  server.post('/v1/lookups/:lookupId/show', { config, schema }, async (request) => {
    const lookupId = idOf(request.params)
    return intake.hall.ask(async (own) => {
      const story = await own.story(lookupId)
      if (!story) throw unknownLookup()
      return { result: await own.show(story, whoAsks(request)) }
    })
  })
}

function unknownLookup(): Problem {
  return new Problem('lookup-unknown', 'there is no such lookup; a connection id is not a lookup id')
}

interface Found {
  story: LookupStory
  result: unknown
}

export async function readLookup(hall: PromptHall, lookupId: string, withResult = true): Promise<Found | null> {
  return hall.ask(async (own) => {
    const story = await own.story(lookupId)
    return story && { story, result: withResult ? await own.resultOf(story) : null }
  })
}

/** What the service said is for its producer, and for whoever may read results. Another's lookup is not known to a producer. */
function visible({ caller }: FastifyRequest, found: Found | null): Found {
  const isOwn = caller.name !== null && found?.story.producer === caller.name && allows(caller.roles, 'enqueue')
  if (!found || !(isOwn || allows(caller.roles, 'view'))) {
    throw unknownLookup()
  }
  return isOwn || allows(caller.roles, 'results') ? found : { ...found, result: null }
}

/** Until it has its result, for so many seconds at most, or until whoever asks has gone. */
export async function waitFor(intake: Intake, request: FastifyRequest, lane: Lane, lookupId: string, seconds: number) {
  const gone = new AbortController()
  const leave = () => gone.abort()
  request.raw.socket.once('close', leave)
  mayRest(request.raw.socket, 1000 * seconds)
  try {
    await intake.waits.until(lane, lookupId, 1000 * seconds, gone.signal)
  } finally {
    request.raw.socket.off('close', leave)
    mayRest(request.raw.socket, 0)
  }
}
