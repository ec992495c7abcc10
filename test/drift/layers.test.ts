import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const biome = fileURLToPath(new URL('../../node_modules/@biomejs/biome/bin/biome', import.meta.url))
const config = fileURLToPath(new URL('../../biome.json', import.meta.url))

/** Lints files with these imports, as if they lay in the repository. */
function lint(imports: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'chat-enricher-layers-'))
  try {
    copyFileSync(config, join(folder, 'biome.json'))
    for (const [file, specifier] of Object.entries(imports)) {
      mkdirSync(join(folder, dirname(file)), { recursive: true })
      writeFileSync(join(folder, file), `import * as x from '${specifier}'\n\nexport const y = x\n`)
    }
    const args = [biome, 'lint', '--vcs-enabled=false', '--colors=off', 'src']
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
    return stdout + stderr
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const forbidden: [string, string][] = [
  ['src/domain/x.ts', '../redis/names.ts'],
  ['src/stand-in/x.ts', '../soap/xml.ts'],
  ['src/stand-in/x.ts', 'fast-xml-parser'],
  ['src/soap/x.ts', '../worker/verdict.ts'],
  ['src/soap/x.ts', '../redis/names.ts'],
  ['src/gate/x.ts', '../worker/verdict.ts'],
  ['src/gate/x.ts', '../queues/lookup-queue.ts'],
  ['src/queues/x.ts', '../worker/verdict.ts'],
  ['src/queues/x.ts', 'ioredis'],
  ['src/redis/x.ts', '../queues/lookup-queue.ts'],
  ['src/upkeep/x.ts', '../fleet/members.ts'],
  ['src/fleet/x.ts', '../worker/verdict.ts'],
  ['src/config/x.ts', '../app/worker-app.ts'],
  ['src/worker/x.ts', '../soap/client.ts'],
  ['src/worker/x.ts', '../observe/logger.ts'],
  ['src/worker/x.ts', 'bullmq'],
  ['src/worker/lookup-taker.ts', '../observe/metrics.ts'],
  ['src/intake/x.ts', '../gate/gate.ts'],
  ['src/observe/x.ts', '../worker/verdict.ts'],
  ['src/http/x.ts', 'bullmq'],
  ['src/cli/x.ts', '../soap/client.ts'],
  ['src/cli/x.ts', 'bullmq'],
]

describe('the rooms of the house', () => {
  it.each(forbidden)('%s may not import %s', (file, specifier) => {
    expect(lint({ [file]: specifier })).toContain('noRestrictedImports')
  })

  it.each([
    ['src/worker/x.ts', '../redis/names.ts'],
    ['src/worker/lookup-taker.ts', 'bullmq'],
    ['src/soap/x.ts', 'undici'],
    ['src/cli/x.ts', '../app/worker-app.ts'],
  ])('%s may import %s', (file, specifier) => {
    expect(lint({ [file]: specifier })).not.toContain('noRestrictedImports')
  })

  it('may not import each other in a circle', () => {
    const circle = lint({ 'src/domain/one.ts': './two.ts', 'src/domain/two.ts': './one.ts' })
    expect(circle).toContain('noImportCycles')
  })
})
