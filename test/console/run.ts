/**
 * `npm run test:console`: the console in a browser. `-- --soak 60`: only how soon a page says something, and a page that is open
 * for so many minutes; for an idle machine, because other tests beside it would be measured, too.
 */

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { soak: { type: 'string' } } })
const root = fileURLToPath(new URL('../..', import.meta.url))
const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
const env = { ...process.env, ...(values.soak && { CONSOLE_SOAK_MINUTES: values.soak }) }
const files = values.soak ? ['test/console/soak.test.ts'] : []
const args = [vitest, 'run', '--config', 'vitest.console.config.ts', ...files]
process.exitCode = spawnSync(process.execPath, args, { cwd: root, env, stdio: 'inherit' }).status ?? 1
