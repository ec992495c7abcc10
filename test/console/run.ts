/** `npm run test:console`: the console in a browser. `-- --soak 60` also leaves a page open for so many minutes, on an idle machine. */

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { soak: { type: 'string' } } })
const root = fileURLToPath(new URL('../..', import.meta.url))
const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
const env = { ...process.env, ...(values.soak && { CONSOLE_SOAK_MINUTES: values.soak }) }
const args = [vitest, 'run', '--config', 'vitest.console.config.ts']
process.exitCode = spawnSync(process.execPath, args, { cwd: root, env, stdio: 'inherit' }).status ?? 1
