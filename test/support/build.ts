import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Process-level tests run what is shipped: the build. */
export default function build(): void {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' })
}
