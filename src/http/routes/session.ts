/** Who asks; and for browsers, which keep no token, a session. */

import * as z from 'zod'
import { answers, json, OF_BODY } from '../answers.ts'
import type { Server } from '../api-server.ts'
import { checkSite, type Door } from '../auth.ts'
import { sessionRequest, sessionSchema } from '../messages/session.ts'
import { Problem } from '../problem.ts'
import type { Caller } from '../token-book.ts'

const tags = ['session']
const EVERYBODY = { roles: 'everybody' as const }

export function sessionRoutes(server: Server, { sessions, refusals }: Door): void {
  const seen = {
    tags,
    summary: 'Who asks, and what it may do.',
    response: answers({ 200: json('It.', sessionSchema) }),
  }
  server.get('/session', { schema: seen }, async ({ caller }) => shown(caller))

  const begun = {
    tags,
    summary: 'Begins a session: sets a cookie that stands for the token, and ends with it, or after twelve hours.',
    body: sessionRequest,
    response: answers({ 200: json('Who it is.', sessionSchema) }, ...OF_BODY),
  }
  server.post('/session', { config: EVERYBODY, schema: begun }, async (request, reply) => {
    checkSite(request, 'mayBeProgram')
    if (!sessions) return shown(request.caller)
    const { token } = request.body as { token: string }
    const caller = sessions.begin(token, request, reply)
    if (caller) return shown(caller)
    await refusals.refuse(request)
    throw new Problem('token-unknown', 'token: expected one of API_TOKENS, got another')
  })

  const ended = {
    tags,
    summary: 'Ends the session in this browser.',
    response: { ...answers({}, ...OF_BODY), 204: z.null().describe('The cookie is gone.') },
  }
  server.delete('/session', { config: EVERYBODY, schema: ended }, async (request, reply) => {
    checkSite(request, 'mayBeProgram')
    sessions?.end(request, reply)
    return reply.code(204).send()
  })
}

function shown({ name, roles, expiresAt, mode }: Caller) {
  return { name, roles, expiresAt, mode }
}
