import type { PromptHall } from '../../app/prompt-hall.ts'
import { Snapshot } from '../../fleet/snapshot.ts'
import { answers, json } from '../answers.ts'
import type { Server } from '../api-server.ts'
import { historySchema } from '../messages/history.ts'

export function historyRoute(server: Server, hall: PromptHall): void {
  const history = new Snapshot(() => hall.ask((own) => own.history()))
  const schema = {
    tags: ['fleet'],
    summary: 'What the fleet did in the last hour, by ten seconds: results, calls, times, kinds of answers, holds.',
    response: answers({ 200: json('At most a second old.', historySchema) }),
  }
  server.get('/v1/history', { config: { roles: ['view'] as const }, schema }, () => history.get())
}
