import type { Log } from '../../app/hall.ts'
import type { PromptHall } from '../../app/prompt-hall.ts'
import { answers, json, OF_BODY } from '../answers.ts'
import type { Server } from '../api-server.ts'
import { forgetRequest, forgottenSchema } from '../messages/lookups.ts'
import { mayRest } from '../stalls.ts'
import { whoAsks } from './fleet.ts'

/** It goes through all keys of Redis first, and once again if somebody had a lookup of it in hand. */
const LOOKS_FOR_MS = 300_000

export function forgetRoute(server: Server, hall: PromptHall, log: Log): void {
  const schema = {
    tags: ['lookups'],
    summary: 'Erases every trace of one connection id, and says what was removed.',
    body: forgetRequest,
    response: answers({ 200: json('What was removed.', forgottenSchema) }, ...OF_BODY),
  }
  server.post('/v1/forget', { config: { roles: ['forget'] as const }, schema }, async (request) => {
    const { connectionId, waitMs } = request.body as { connectionId: string; waitMs: number }
    mayRest(request.raw.socket, LOOKS_FOR_MS + waitMs)
    const options = { who: whoAsks(request), waitMs }
    const { removed, active } = await hall.take((own) => own.forget(connectionId, log, options))
    mayRest(request.raw.socket, 0)
    return { removed, active }
  })
}
