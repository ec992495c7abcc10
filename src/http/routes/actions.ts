/** Actions on many lookups: what each would do, its end if that is soon, and else how far it has come. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Actions, Outcome } from '../../app/actions.ts'
import type { EndedRequest } from '../../app/hall.ts'
import type { PromptHall } from '../../app/prompt-hall.ts'
import type { ConfigOf } from '../../config/config.ts'
import { allows } from '../../domain/role.ts'
import type { Selection } from '../../domain/selection.ts'
import type { WhichLookups } from '../../fleet/cancel.ts'
import { cancelCost, cancelledData } from '../../fleet/cancel-data.ts'
import { problemOfState } from '../../fleet/ended-actions.ts'
import { Snapshots } from '../../fleet/snapshot.ts'
import { answers, json, OF_BODY } from '../answers.ts'
import type { Server } from '../api-server.ts'
import {
  actionParams,
  actionSchema,
  type CancelRequest,
  cancelledSchema,
  cancelPlanSchema,
  cancelRequest,
  type DropRequest,
  dropRequest,
  endedPlanSchema,
  endedSchema,
  type RedriveRequest,
  redriveRequest,
} from '../messages/actions.ts'
import { Problem } from '../problem.ts'
import { whileThere } from '../while-there.ts'
import { whoAsks } from './fleet.ts'

/** How results are published, and at how many of them an action waits, as workers have it. */
export type ActionSettings = Pick<
  ConfigOf<'worker'>,
  'resultMarkerTtlMs' | 'resultKeepMs' | 'lookupRetentionMs' | 'resultBacklogLimit'
>

export interface ActionParts {
  hall: PromptHall
  actions: Actions
  settings: ActionSettings
}

const OWN_PROBLEMS = [...OF_BODY, 'redis-full', 'too-many-actions'] as const
const ON_ITS_WAY = json('It goes on: `GET /v1/actions/{id}` tells how far it has come.', actionSchema)

export function actionRoutes(server: Server, parts: ActionParts): void {
  cancelRoute(server, parts)
  endedRoute(server, parts, 'redrive')
  endedRoute(server, parts, 'drop')
  progressRoute(server, parts)
}

function cancelRoute(server: Server, parts: ActionParts): void {
  const schema = {
    tags: ['lookups'],
    summary: 'Ends lookups that no worker has in hand, each with its result `failed`, code `cancelled`.',
    body: cancelRequest,
    response: answers(
      {
        200: json('What it did; of a dry run, what it would do.', cancelledSchema.or(cancelPlanSchema)),
        202: ON_ITS_WAY,
      },
      ...OWN_PROBLEMS,
      'producer-of-another',
    ),
  }
  const config = { roles: ['enqueue', 'operate'] as const }
  server.post('/v1/lookups/cancel', { config, schema }, async (request, reply) => {
    const { dryRun, ratePerSecond, ...asked } = request.body as CancelRequest
    const which = ofCaller(request, asked)
    return whileThere(request, async (signal) => {
      if (dryRun) {
        const plan = await parts.hall.take((own) => own.cancelPlan(which, { signal }))
        return { ...plan, ...cancelCost(plan, ratePerSecond) }
      }
      const settings = cancelSettings(parts.settings)
      const options = { who: whoAsks(request), ratePerSecond }
      const outcome = await parts.actions.run(parts.hall, '/v1/lookups/cancel', async (own, handle) =>
        cancelledData(await own.cancel(settings, which, { ...options, ...handle })),
      )
      return answered(parts, reply, outcome)
    })
  })
}

function cancelSettings({ resultMarkerTtlMs, resultKeepMs, lookupRetentionMs, resultBacklogLimit }: ActionSettings) {
  return { markerTtlMs: resultMarkerTtlMs, keepMs: resultKeepMs, lookupRetentionMs, resultBacklogLimit }
}

/** Whoever may not operate acts on the lookups of its own name. Another's are not known to it. */
function ofCaller({ caller }: FastifyRequest, asked: Pick<CancelRequest, 'selection' | 'lookupIds'>): WhichLookups {
  const lookupIds = asked.lookupIds && [...new Set(asked.lookupIds)]
  const selection = (asked.selection ?? {}) as Selection
  if (allows(caller.roles, 'operate') || caller.name === null) return lookupIds ? { lookupIds } : { selection }
  const { name: producer } = caller
  if (lookupIds) return { lookupIds, producer }
  if (selection.producer !== undefined && selection.producer !== producer) {
    const problem = `expected ${producer}, the name of the token, or none, got another`
    throw new Problem('producer-of-another', `selection.producer: ${problem}`)
  }
  return { selection: { ...selection, producer } }
}

function endedRoute(server: Server, parts: ActionParts, action: 'redrive' | 'drop'): void {
  const schema = {
    tags: ['fleet'],
    summary:
      action === 'redrive'
        ? 'Puts lookups back that gave up (or finished), clean, at a pace.'
        : 'Ends dead letters for good; their results stay.',
    body: action === 'redrive' ? redriveRequest : dropRequest,
    response: answers(
      { 200: json('What it did; of a dry run, what it would do.', endedSchema.or(endedPlanSchema)), 202: ON_ITS_WAY },
      ...OWN_PROBLEMS,
      'service-unknown',
      ...(action === 'redrive' ? (['held-for-cause'] as const) : []),
    ),
  }
  const path = `/v1/dead-letters/${action}`
  server.post(path, { config: { roles: ['operate'] as const }, schema }, async (request, reply) => {
    const body = request.body as RedriveRequest | DropRequest
    const { dryRun, ratePerSecond } = body
    const asked = endedRequest(action, whoAsks(request), body)
    return whileThere(request, async (signal) => {
      if (dryRun) {
        const plan = parts.hall.take((own) => own.endedActions(parts.settings).plan(asked, { ratePerSecond, signal }))
        return { action, ...(await plan) }
      }
      const refusal = await parts.hall.take((own) =>
        own.endedActions(parts.settings).refusal(asked, { ratePerSecond, signal }),
      )
      if (refusal !== null) throw new Problem('held-for-cause', refusal)
      const outcome = await parts.actions.run(parts.hall, path, async (own, handle) => {
        return { action, ...(await own.endedActions(parts.settings).run(asked, { ratePerSecond, ...handle })) }
      })
      return answered(parts, reply, outcome)
    })
  })
}

function endedRequest(action: 'redrive' | 'drop', who: string, body: RedriveRequest | DropRequest): EndedRequest {
  const selection = (body.selection ?? {}) as Selection
  const problem = problemOfState(action, selection)
  if (problem !== null) {
    const said = problem.replace(/^state: /, '')
    throw new Problem('invalid-request', `selection.${problem}`, [{ field: 'selection.state', problem: said }])
  }
  const lookupIds = body.lookupIds ? [...new Set(body.lookupIds)] : null
  const same = { action, who, selection, lookupIds }
  return 'reason' in body ? { ...same, reason: body.reason } : { ...same, ...(body.force && { force: true }) }
}

/** 200 with its end, or 202 with where it stands. */
async function answered<End extends object>({ hall }: ActionParts, reply: FastifyReply, outcome: Outcome<End>) {
  if ('end' in outcome) return outcome.end
  const { id } = outcome
  reply.code(202).header('location', `/v1/actions/${id}`)
  return hall.ask((own) => own.action(id))
}

function progressRoute(server: Server, { hall }: ActionParts): void {
  const schema = {
    tags: ['fleet'],
    summary: 'How far an action on many lookups has come, whichever process does it.',
    params: actionParams,
    response: answers({ 200: json('As far as it has come.', actionSchema) }, 'invalid-request', 'action-unknown'),
  }
  const seen = new Snapshots((actionId) => hall.ask((own) => own.action(actionId)))
  const config = { roles: ['enqueue', 'view'] as const }
  server.get('/v1/actions/:actionId', { config, schema }, async ({ params, caller }) => {
    const { actionId } = params as { actionId: string }
    const action = await seen.get(actionId)
    if (action && (allows(caller.roles, 'view') || action.who === caller.name)) return action
    throw new Problem('action-unknown', 'there is no such action, or another token began it')
  })
}
