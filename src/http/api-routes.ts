/** All routes of the API. */

import type { Actions } from '../app/actions.ts'
import { AwaitedLookups } from '../app/awaited-lookups.ts'
import { Live } from '../app/live.ts'
import { PromptHall } from '../app/prompt-hall.ts'
import type { ResultsFollowed } from '../app/results-followed.ts'
import type { StandingHall } from '../app/standing-hall.ts'
import type { Observe } from '../domain/event.ts'
import { Snapshot } from '../fleet/snapshot.ts'
import type { Routes } from './api-server.ts'
import { consoleRoutes } from './console.ts'
import { EventStreams } from './event-stream.ts'
import { type ActionParts, actionRoutes } from './routes/actions.ts'
import { deadLetterRoutes } from './routes/dead-letters.ts'
import { findRoute } from './routes/find.ts'
import { fleetRoutes } from './routes/fleet.ts'
import { forgetRoute } from './routes/forget.ts'
import { historyRoute } from './routes/history.ts'
import { Intake } from './routes/intake.ts'
import { liveRoute } from './routes/live.ts'
import { storyRoutes } from './routes/lookup-story.ts'
import { enqueueRoute } from './routes/lookups.ts'
import { resultStreamRoute } from './routes/result-stream.ts'
import { Waits } from './waits.ts'

/** `stopping`: whoever waits is answered. `log`: for what must be written down, whatever the level. */
export function apiRoutes(
  { hall, results, actions, settings }: ApiParts,
  observe: Observe,
  stopping: AbortSignal,
  log: ForgetLog,
): Routes {
  const prompt = new PromptHall(hall)
  const status = new Snapshot(() => prompt.ask((own) => own.status()))
  const waits = new Waits(prompt, new AwaitedLookups(hall), stopping)
  const intake = new Intake(prompt, hall, waits, observe, stopping)
  return (server) => {
    consoleRoutes(server)
    fleetRoutes(server, prompt, status)
    liveRoute(server, new Live(() => status.get()), new EventStreams(observe, stopping))
    historyRoute(server, prompt)
    deadLetterRoutes(server, prompt)
    findRoute(server, prompt)
    actionRoutes(server, { hall: prompt, actions, settings })
    enqueueRoute(server, intake)
    storyRoutes(server, intake)
    resultStreamRoute(server, results, new EventStreams(observe, stopping))
    forgetRoute(server, prompt, log)
  }
}

export interface ApiParts {
  hall: StandingHall
  /** Null: there is no stream of results. */
  results: ResultsFollowed | null
  actions: Actions
  settings: ActionParts['settings']
}

type ForgetLog = Parameters<typeof forgetRoute>[2]
