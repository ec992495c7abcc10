import type { PromptHall } from '../../app/prompt-hall.ts'
import { answers, json } from '../answers.ts'
import type { Server } from '../api-server.ts'
import { foundSchema, selectionQuery } from '../messages/actions.ts'
import { deadLettersSchema } from '../messages/dead-letters.ts'
import { idOf, lookupParams } from '../messages/lookups.ts'
import { Problem } from '../problem.ts'
import { whileThere } from '../while-there.ts'
import { selectionOf } from './selection.ts'

const VIEW = { roles: ['view'] as const }

export function deadLetterRoutes(server: Server, hall: PromptHall): void {
  const groups = {
    tags: ['fleet'],
    summary:
      'The lookups that gave up, of those that are selected, in groups by cause; what `dead-letters --json` prints.',
    querystring: selectionQuery,
    response: answers({ 200: json('The largest group first.', deadLettersSchema) }, 'invalid-request'),
  }
  server.get('/v1/dead-letters', { config: VIEW, schema: groups }, (request) => {
    const given = request.query as Record<string, string>
    const selection = Object.keys(given).length === 0 ? {} : selectionOf(given)
    return whileThere(request, (signal) => hall.take((own) => own.deadLetters(selection, { signal })))
  })

  const one = {
    tags: ['fleet'],
    summary: 'One dead letter, as `find --json` prints it.',
    params: lookupParams,
    response: answers({ 200: json('The dead letter.', foundSchema) }, 'lookup-unknown'),
  }
  server.get('/v1/dead-letters/:lookupId', { config: VIEW, schema: one }, async ({ params }) => {
    const lookupId = idOf(params)
    const found = await hall.ask((own) => own.deadLetter(lookupId))
    if (found) return found
    throw new Problem(
      'lookup-unknown',
      'there is no dead letter of this id; GET /v1/lookups/{lookupId} tells of others',
    )
  })
}
