/** What enqueueing would do, as `enqueue --dry-run --json` says it; nothing is enqueued. */

import type { FastifyRequest } from 'fastify'
import type { DryRunEnd } from '../../app/hall.ts'
import { type ReadRequest, readLookupLines } from '../../intake/read-requests.ts'
import { type Checked, type Request, toLookup } from '../../intake/submit.ts'
import { Problem } from '../problem.ts'
import { whileThere } from '../while-there.ts'
import type { Intake } from './intake.ts'

/** `asked` null: the lines of the body. */
export function dryRunOf(intake: Intake, request: FastifyRequest, asked: Request[] | null): Promise<DryRunEnd> {
  const requests: Iterable<ReadRequest> | AsyncIterable<ReadRequest> =
    asked?.map((one, index) => ({ line: index + 1, request: one })) ?? readLookupLines(request.raw)
  const check = (one: Request) => checked(intake, request, one)
  return whileThere(request, (signal) => intake.hall.take((own) => own.dryRun({ requests, check }, signal)))
}

function checked(intake: Intake, request: FastifyRequest, one: Request): Checked {
  try {
    return toLookup(intake.ofCaller(request, one))
  } catch (error) {
    if (error instanceof Problem) return { ok: false, problem: error.message }
    throw error
  }
}
