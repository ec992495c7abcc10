import type { PromptHall } from '../../app/prompt-hall.ts'
import { parseSelectionText, type Selection } from '../../domain/selection.ts'
import { answers, json } from '../answers.ts'
import type { Server } from '../api-server.ts'
import { deadLettersSchema, selectionQuery } from '../messages/dead-letters.ts'
import { Problem } from '../problem.ts'

export function deadLetterRoutes(server: Server, hall: PromptHall): void {
  const schema = {
    tags: ['fleet'],
    summary:
      'The lookups that gave up, of those that are selected, in groups by cause; what `dead-letters --json` prints.',
    querystring: selectionQuery,
    response: answers({ 200: json('The largest group first.', deadLettersSchema) }, 'invalid-request'),
  }
  server.get('/v1/dead-letters', { config: { roles: ['view'] as const }, schema }, async ({ query }) => {
    const selection = selectionOf(query as Record<string, string>)
    return hall.take((own) => own.deadLetters(selection))
  })
}

/** Nothing given: all of them. */
function selectionOf(given: Record<string, string>): Selection {
  if (Object.keys(given).length === 0) return {}
  const parsed = parseSelectionText(given)
  if (parsed.ok) return parsed.selection
  throw new Problem('invalid-request', parsed.problem, [
    { field: parsed.field ?? 'query', problem: parsed.problem.replace(/^\w+: /, '') },
  ])
}
