/** All routes of the API. */

import type { PromptHall } from '../app/prompt-hall.ts'
import type { Observe } from '../domain/event.ts'
import type { Routes } from './api-server.ts'
import { fleetRoutes } from './routes/fleet.ts'

export function apiRoutes(hall: PromptHall, _observe: Observe, _stopping: AbortSignal): Routes {
  return (server) => {
    fleetRoutes(server, hall)
  }
}
