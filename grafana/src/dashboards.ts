/** Every dashboard by its file under grafana/dashboards, as that file's text. */

import { overview } from './overview.ts'
import { service } from './service.ts'
import { workers } from './workers.ts'

export function dashboardFiles(): Map<string, string> {
  const boards = { 'overview.json': overview(), 'service.json': service(), 'workers.json': workers() }
  return new Map(Object.entries(boards).map(([name, board]) => [name, `${JSON.stringify(board, null, 2)}\n`]))
}
