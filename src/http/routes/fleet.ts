/** The fleet as it is, and what people may do with it: hold and release its calls, and set its limits. */

import { hostname } from 'node:os'
import type { FastifyRequest } from 'fastify'
import type { FleetStatus, GateStatus } from '../../app/hall.ts'
import type { PromptHall } from '../../app/prompt-hall.ts'
import { MOST_ACTIVITY } from '../../fleet/activity.ts'
import { UnknownService } from '../../fleet/known-services.ts'
import { limitData } from '../../fleet/limit-data.ts'
import { type Snapshot, Snapshots } from '../../fleet/snapshot.ts'
import { answers, json, OF_BODY } from '../answers.ts'
import type { Server } from '../api-server.ts'
import {
  activitiesSchema,
  holdRequest,
  holdsSchema,
  limitRequest,
  releasedSchema,
  releaseRequest,
} from '../messages/fleet.ts'
import { activityQuery } from '../messages/queries.ts'
import { limitSchema, statusSchema } from '../messages/status.ts'

const tags = ['fleet']
const VIEW = { roles: ['view'] as const }
const OPERATE = { roles: ['operate'] as const }

export function fleetRoutes(server: Server, hall: PromptHall, status: Snapshot<FleetStatus>): void {
  statusRoutes(server, hall, status)
  holdRoutes(server, hall, status)
  limitRoutes(server, hall, status)
}

type Status = Snapshot<FleetStatus>

function statusRoutes(server: Server, hall: PromptHall, status: Status): void {
  const summary = 'What `status --json` prints.'
  const response = answers({ 200: json('The fleet, at most a second old.', statusSchema) })
  server.get('/v1/status', { config: VIEW, schema: { tags, summary, response } }, () => status.get())

  const activity = {
    tags,
    summary: 'Who did what by hand, the newest first.',
    querystring: activityQuery,
    response: answers({ 200: json('The last entries.', activitiesSchema) }, 'invalid-request'),
  }
  // Open pages ask again and again. Whoever has done something wants to see it at once.
  const entries = new Snapshots((limit) => hall.ask((own) => own.activity(Number(limit))))
  server.addHook('onSend', async ({ method }) => {
    if (method !== 'GET') entries.drop()
  })
  server.get('/v1/activity', { config: VIEW, schema: activity }, async ({ query }) => {
    const { limit } = query as { limit: number }
    return { activity: await entries.get(String(Math.min(limit, MOST_ACTIVITY))) }
  })
}

function holdRoutes(server: Server, hall: PromptHall, status: Status): void {
  const ok = { 200: json('The holds that are on.', holdsSchema) }
  const shown = async () => holdsOf(gateOf(await status.get()))

  const seen = {
    tags,
    summary: 'The holds that are on, why, and what to do.',
    response: answers(ok, 'service-unknown'),
  }
  server.get('/v1/holds', { config: VIEW, schema: seen }, shown)

  const begun = {
    tags,
    summary: 'Stops all calls of the fleet by hand; calls on the way finish. Again: the time is set anew.',
    body: holdRequest,
    response: answers(ok, ...OF_BODY, 'service-unknown'),
  }
  server.post('/v1/holds', { config: OPERATE, schema: begun }, async (request) => {
    const { reason, forMs } = request.body as { reason?: string; forMs: number }
    await hall.ask(async (own) => (await own.control()).hold(whoAsks(request), reason ?? null, forMs))
    status.drop()
    return shown()
  })

  const ended = {
    tags,
    summary: 'Ends every hold, whatever it is for. One whose cause is still there comes back.',
    body: releaseRequest.nullish(),
    response: answers({ 200: json('What was on.', releasedSchema) }, ...OF_BODY, 'service-unknown', 'no-pace'),
  }
  server.delete('/v1/holds', { config: OPERATE, schema: ended }, async (request) => {
    const { acceptCode = null, pace = 1 } = (request.body ?? {}) as { acceptCode?: number; pace?: number }
    const options = { acceptCode, pace: pace === 1 ? null : pace }
    const released = await hall.ask(async (own) => (await own.control()).release(whoAsks(request), options))
    status.drop()
    return released
  })
}

function limitRoutes(server: Server, hall: PromptHall, status: Status): void {
  const ok = { 200: json('The limits, as `limit --json` prints them.', limitSchema) }
  const shown = async () => limitData(gateOf(await status.get()))
  const change = async (request: FastifyRequest, limits: object, isReset: boolean) => {
    await hall.ask(async (own) => (await own.control()).changeLimits(whoAsks(request), limits, isReset))
    status.drop()
    return shown()
  }

  const seen = { tags, summary: "The fleet's limits.", response: answers(ok, 'service-unknown') }
  server.get('/v1/limit', { config: VIEW, schema: seen }, shown)

  const set = {
    tags,
    summary: 'Sets the limits that are named, for every process at once, until they are reset.',
    body: limitRequest,
    response: answers(ok, ...OF_BODY, 'service-unknown'),
  }
  server.put('/v1/limit', { config: OPERATE, schema: set }, (request) => {
    const { ratePerSecond: rate, ...others } = request.body as { ratePerSecond?: number | null }
    return change(request, rate === undefined ? others : { ...others, rate }, false)
  })

  const reset = {
    tags,
    summary: "Back to each process's own limits.",
    response: answers(ok, ...OF_BODY, 'service-unknown'),
  }
  server.delete('/v1/limit', { config: OPERATE, schema: reset }, (request) => change(request, {}, true))
}

/** Throws where it is not clear whose holds and limits are meant. */
function gateOf(status: FleetStatus): FleetStatus & GateStatus {
  if (status.serviceProblem !== null) throw new UnknownService(status.serviceProblem)
  return status
}

function holdsOf({ at, holds }: GateStatus) {
  return { at, holds }
}

/** For the activity: the name of a token; without tokens, somebody on this machine. */
export function whoAsks({ caller }: FastifyRequest): string {
  return caller.name ?? `api@${hostname()}`
}
