import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const biome = fileURLToPath(new URL('../../node_modules/@biomejs/biome/bin/biome', import.meta.url))

/** Lints a file that does not exist, as if it lay there. */
function lint(file: string, code: string): string {
  const args = [biome, 'lint', `--stdin-file-path=${file}`, '--colors=off']
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, input: code, encoding: 'utf8' })
  return stdout + stderr
}

const forbidden: [string, string][] = [
  ['src/domain/x.ts', '../queues/names.ts'],
  ['src/stand-in/x.ts', '../soap/xml.ts'],
  ['src/stand-in/x.ts', 'fast-xml-parser'],
  ['src/soap/x.ts', '../worker/verdict.ts'],
  ['src/soap/x.ts', '../queues/names.ts'],
  ['src/gate/x.ts', '../worker/verdict.ts'],
  ['src/gate/x.ts', '../queues/redis.ts'],
  ['src/queues/x.ts', '../worker/verdict.ts'],
  ['src/worker/x.ts', '../soap/client.ts'],
  ['src/worker/x.ts', '../observe/logger.ts'],
  ['src/worker/x.ts', 'bullmq'],
  ['src/worker/lookup-worker.ts', '../observe/metrics.ts'],
  ['src/intake/x.ts', '../gate/gate.ts'],
  ['src/observe/x.ts', '../worker/verdict.ts'],
  ['src/http/x.ts', 'bullmq'],
  ['src/cli/x.ts', '../soap/client.ts'],
  ['src/cli/x.ts', 'bullmq'],
]

describe('the rooms of the house', () => {
  it.each(forbidden)('%s may not import %s', (file, specifier) => {
    expect(lint(file, `import * as x from '${specifier}'\nexport const y = x\n`)).toContain('noRestrictedImports')
  })

  it.each([
    ['src/worker/x.ts', '../queues/names.ts'],
    ['src/worker/lookup-worker.ts', 'bullmq'],
    ['src/soap/x.ts', 'undici'],
    ['src/cli/x.ts', '../app.ts'],
  ])('%s may import %s', (file, specifier) => {
    expect(lint(file, `import * as x from '${specifier}'\nexport const y = x\n`)).not.toContain('noRestrictedImports')
  })
})
