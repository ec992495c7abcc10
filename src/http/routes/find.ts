import type { PromptHall } from '../../app/prompt-hall.ts'
import { InvalidCursor } from '../../fleet/cursor.ts'
import { answers, json } from '../answers.ts'
import type { Server } from '../api-server.ts'
import { findQuery, foundsSchema } from '../messages/actions.ts'
import { Problem } from '../problem.ts'
import { selectionOf } from './selection.ts'

export function findRoute(server: Server, hall: PromptHall): void {
  const schema = {
    tags: ['lookups'],
    summary: 'The lookups that are selected, page by page, with why each waits; what `find --json` prints.',
    querystring: findQuery,
    response: answers({ 200: json('A page.', foundsSchema) }, 'invalid-request'),
  }
  server.get('/v1/lookups', { config: { roles: ['view'] as const }, schema }, async ({ query }) => {
    const { next: cursor = null, limit, ...fields } = query as Query
    const selection = selectionOf(fields)
    const page = await hall.take((own) => own.findPage(selection, { cursor, limit })).catch(asProblem)
    const { lookups, next, looked } = page
    return { lookups, next, looked }
  })
}

type Query = { next?: string; limit: number } & Record<string, string>

function asProblem(error: unknown): never {
  if (!(error instanceof InvalidCursor)) throw error
  throw new Problem('invalid-request', error.message, [
    { field: 'next', problem: error.message.replace(/^next: /, '') },
  ])
}
