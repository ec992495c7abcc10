/** Every dashboard by its file under grafana/dashboards, as that file's text. */

import { overview } from './overview.ts'

export function dashboardFiles(): Map<string, string> {
  return new Map([['overview.json', `${JSON.stringify(overview(), null, 2)}\n`]])
}
