/** The build of an earlier release, made from the history of this repository. */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** The commit that test/upgrade/last-release names. */
export function lastRelease(): string {
  return readFileSync(join(ROOT, 'test/upgrade/last-release'), 'utf8').trim()
}

export interface Release {
  commit: string
  /** Its dist/main.js. */
  main: string
  remove(): void
}

/** Null where the history that is here does not go back so far, as in a shallow clone. */
export function buildRelease(commit: string): Release | null {
  if (git('cat-file', '-e', `${commit}^{commit}`).status !== 0) return null
  const folder = mkdtempSync(join(tmpdir(), 'chat-enricher-release-'))
  const archive = join(folder, 'release.tar')
  must(git('archive', '--output', archive, commit))
  must(spawnSync('tar', ['-xf', archive, '-C', folder], { stdio: 'inherit' }))
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  must(spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: folder, stdio: 'inherit' }))
  const main = join(folder, 'dist/main.js')
  if (!existsSync(main)) throw new Error(`expected the build of ${commit} at ${main}, got none`)
  return { commit, main, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

function git(...args: string[]) {
  return spawnSync('git', args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'ignore'] })
}

function must({ status, error }: { status: number | null; error?: Error }): void {
  if (status !== 0) throw error ?? new Error(`expected exit code 0, got ${status}`)
}
