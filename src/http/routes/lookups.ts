/** Lookups that are put on a queue, one or many. */

import type { FastifyRequest, RouteShorthandOptions } from 'fastify'
import type { LookupStory } from '../../app/hall.ts'
import { problemOfMetadata, problemsOfLookups } from '../../domain/exact-json.ts'
import type { Lane } from '../../domain/lane.ts'
import { isTraceparent } from '../../domain/lookup.ts'
import type { Enqueued } from '../../intake/acknowledge.ts'
import { KeyConflict } from '../../intake/errors.ts'
import { CHUNK, type Request } from '../../intake/submit.ts'
import { answers, json, OF_BODY } from '../answers.ts'
import type { Server } from '../api-server.ts'
import {
  ackLineSchema,
  ackSchema,
  acksSchema,
  type BatchRequest,
  batchRequest,
  dryRunSchema,
  enqueueQuery,
  keyHeader,
  lineRequest,
  lookupsRequest,
  MOST_AT_ONCE,
  type OneRequest,
  oneRequest,
  resultSchema,
} from '../messages/lookups.ts'
import { type FieldProblem, Problem } from '../problem.ts'
import { isStream } from '../stalls.ts'
import { inWords, toProblem } from '../to-problem.ts'
import { validating } from '../validating.ts'
import { dryRunOf } from './dry-run.ts'
import { type Intake, laneOf } from './intake.ts'
import { readLookup, waitFor } from './lookup-story.ts'
import { streamLookups } from './lookup-stream.ts'

export function enqueueRoute(server: Server, intake: Intake): void {
  const schema = {
    tags: ['lookups'],
    summary: 'Puts a lookup on a queue, or up to 10,000; with NDJSON any number.',
    querystring: enqueueQuery,
    headers: keyHeader,
    body: lookupsRequest,
    response: answers(
      {
        200: {
          description:
            'With ?wait: the result of the lookup. With ?dryRun: what would be enqueued. To NDJSON: a line for each line, in order.',
          content: {
            'application/json': { schema: resultSchema.or(dryRunSchema) },
            'application/x-ndjson': { schema: ackLineSchema },
          },
        },
        202: json('On the queue.', acksSchema.or(ackSchema)),
      },
      ...OWN_PROBLEMS,
    ),
  }
  const validatorCompiler = validating((body) => (Object.hasOwn(Object(body), 'lookups') ? batchRequest : oneRequest))
  const config = { roles: ['enqueue'] as const, lines: lineRequest }
  const options: RouteShorthandOptions = { config, schema, validatorCompiler, preValidation: refuseTooMany }
  server.post('/v1/lookups', options, async (request, reply) => {
    const { wait, dryRun = false } = request.query as Query
    checkIsOne(request)
    if (dryRun) return dryRunOf(intake, request, isStream(request) ? null : askedIn(request))
    await intake.checkRoom()
    if (isStream(request)) return streamLookups(intake, request, reply)
    const body = request.body as OneRequest | BatchRequest
    if ('lookups' in body) return reply.code(202).send({ lookups: await enqueueBatch(intake, request, body) })
    const result = await enqueueOne(intake, request, body, wait)
    return reply.code(result.status).send(result.body)
  })
}

interface Query {
  wait?: number
  dryRun?: boolean
  interactive?: boolean
}

/** What only one lookup can have is refused where there are several, because it would be passed over in silence. */
function checkIsOne(request: FastifyRequest): void {
  if (!isStream(request) && !Object.hasOwn(request.body as object, 'lookups')) return
  if (request.headers['idempotency-key'] !== undefined) {
    const words = 'Idempotency-Key: expected one lookup, got several: give each its idempotencyKey'
    throw new Problem('key-with-batch', words)
  }
  if ((request.query as Query).wait !== undefined)
    throw refused([{ field: 'wait', problem: 'expected it with one lookup, got several' }])
}

function laneIn({ query }: FastifyRequest, interactive: boolean | undefined): Lane {
  return laneOf(interactive ?? (query as Query).interactive ?? false)
}

function askedIn(request: FastifyRequest): Request[] {
  const body = request.body as OneRequest | BatchRequest
  if ('lookups' in body) return body.lookups as Request[]
  const { interactive: _, ...asked } = body
  return [{ ...asked, idempotencyKey: keyOf(request, asked.idempotencyKey) } as Request]
}

const OWN_PROBLEMS = [
  ...OF_BODY,
  'key-with-batch',
  'producer-of-another',
  'too-many-lookups',
  'key-conflict',
  'result-gone',
  'redis-full',
  'results-piled-up',
  'too-many-waiting',
  'too-many-streams',
] as const

async function refuseTooMany({ body }: FastifyRequest): Promise<void> {
  const { lookups } = Object(body) as { lookups?: unknown }
  if (!Array.isArray(lookups) || lookups.length <= MOST_AT_ONCE) return
  throw new Problem('too-many-lookups', `lookups: expected at most ${MOST_AT_ONCE}, got ${lookups.length}: send NDJSON`)
}

async function enqueueOne(intake: Intake, request: FastifyRequest, body: OneRequest, wait?: number) {
  const inexact = problemOfMetadata(request.bodyText ?? '')
  if (inexact) throw refused([{ field: 'metadata', problem: inexact.replace(/^metadata: /, '') }])
  const { interactive, ...asked } = body
  const lane = laneIn(request, interactive)
  const waited = wait === undefined || asked.deliver != null ? asked : { ...asked, deliver: 'wait' }
  const keyed = { ...waited, idempotencyKey: keyOf(request, asked.idempotencyKey) } as Request
  const lookup = intake.ofCaller(request, withTrace(request, keyed))
  const ack = await intake.hall.ask((_, acknowledger) => acknowledger.one(lane, lookup)).catch(asConflict)
  intake.accepted(request, 1)
  if (wait === undefined) return { status: 202, body: ack }
  await waitFor(intake, request, lane, ack.lookupId, wait)
  const found = await readLookup(intake.hall, ack.lookupId)
  if (found?.result) return { status: 200, body: found.result }
  if (found?.story.result != null) throw gone(found.story)
  return { status: 202, body: ack }
}

/** Nobody need wait any more, or ask again. */
function gone({ lookupId, result, end }: LookupStory): Problem {
  const at = end?.finishedAt ? ` at ${end.finishedAt}` : ''
  const more = `GET /v1/lookups/${lookupId} tells what is known`
  return new Problem(
    'result-gone',
    `the lookup ended${at}: ${result}; its result was taken or is no longer kept. ${more}`,
  )
}

/** What cannot be read as one is none, as W3C Trace Context has it: it is the business of whoever looks at traces. */
function withTrace({ headers: { traceparent } }: FastifyRequest, asked: Request): Request {
  if (asked.traceparent != null || !isTraceparent(traceparent)) return asked
  return { ...asked, traceparent }
}

/** A retry of the same request has the same key. */
function keyOf({ headers }: FastifyRequest, own: string | null | undefined): string | null | undefined {
  const given = headers['idempotency-key'] as string | undefined
  if (given === undefined || own == null || given === own) return given ?? own
  throw refused([{ field: 'idempotencyKey', problem: 'expected what the header Idempotency-Key says, got another' }])
}

/** Nothing is enqueued if one of them is wrong. They go on the queue a chunk at a time, so Redis may go away between two. */
async function enqueueBatch(intake: Intake, request: FastifyRequest, { lookups, interactive }: BatchRequest) {
  const asked: Request[] = lookups.map((lookup) => intake.ofCaller(request, withTrace(request, lookup as Request)))
  await refuseWrong(intake, request, asked)
  const lane = laneIn(request, interactive)
  const acks: Enqueued[] = []
  try {
    for (let start = 0; start < asked.length; start += CHUNK)
      acks.push(...(await enqueueChunk(intake, request, lane, asked, start)))
  } catch (error) {
    throw withCount(error, acks.length, asked.length)
  }
  return acks
}

async function enqueueChunk(intake: Intake, request: FastifyRequest, lane: Lane, asked: Request[], start: number) {
  const chunk = asked.slice(start, start + CHUNK)
  const acks = await intake.hall.ask((_, acknowledger) => acknowledger.some(lane, chunk))
  const enqueued = acks.filter((ack): ack is Enqueued => !('error' in ack))
  if (enqueued.length > 0) intake.accepted(request, enqueued.length)
  const failed = acks.findIndex((ack) => 'error' in ack)
  const ack = acks[failed]
  if (ack && 'error' in ack)
    throw ack.error instanceof KeyConflict ? conflicts([at(start + failed, ack.error.message)]) : ack.error
  return enqueued
}

async function refuseWrong(intake: Intake, request: FastifyRequest, asked: Request[]): Promise<void> {
  const inexact = problemsOfLookups(request.bodyText ?? '')
  if (inexact.size > 0) throw refused([...inexact].map(([index, problem]) => at(index, problem)))
  const refusals = await intake.hall.ask((_, acknowledger) => acknowledger.refusals(asked))
  const invalid = refusals.filter(({ error }) => !(error instanceof KeyConflict))
  if (invalid.length > 0) throw refused(invalid.map(({ index, error }) => at(index, error.message)))
  if (refusals.length > 0) throw conflicts(refusals.map(({ index, error }) => at(index, error.message)))
}

/** While Redis is away somebody has to know that asking again is safe, and with what. */
function withCount(error: unknown, count: number, all: number): unknown {
  const { status, code, message } = toProblem(error)
  if (status !== 503) return error
  const more = `at least ${count} of the ${all} lookups are on the queue: send all again, with the same keys`
  return new Problem(code, `${message}; ${more}`)
}

/** `connectionId: expected …` of the lookup at this index. */
function at(index: number, problem: string): FieldProblem {
  const [, field, words = problem] = /^(\w+): (.*)$/s.exec(problem) ?? []
  return { field: field === undefined ? `lookups[${index}]` : `lookups[${index}].${field}`, problem: words }
}

function refused(errors: FieldProblem[]): Problem {
  return new Problem('invalid-request', inWords(errors), errors)
}

function conflicts(errors: FieldProblem[]): Problem {
  return new Problem('key-conflict', inWords(errors), errors)
}

function asConflict(error: unknown): never {
  if (!(error instanceof KeyConflict)) throw error
  throw conflicts([{ field: 'idempotencyKey', problem: error.message.replace(/^idempotencyKey: /, '') }])
}
