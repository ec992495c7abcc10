/**
 * Writes grafana/dashboards from grafana/src. `--check` writes nothing and exits 1 if a file is not what would be written.
 *
 *     node --import tsx grafana/src/generate.ts [--check]
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { dashboardFiles } from './dashboards.ts'

const directory = new URL('../dashboards/', import.meta.url)
const check = process.argv.includes('--check')

for (const [name, text] of dashboardFiles()) {
  const file = new URL(name, directory)
  if (!check) {
    writeFileSync(file, text)
    console.log(`written: grafana/dashboards/${name}`)
  } else if (committed(file) !== text) {
    console.error(`not what grafana/src makes: grafana/dashboards/${name}`)
    process.exitCode = 1
  }
}

function committed(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
