import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Process-level tests run what is shipped: the build. It is made anew only where it is old, because suites run side by side. */
export default function build(): void {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  execFileSync(process.execPath, ['scripts/build.mjs', '--if-older'], { cwd: root, stdio: 'inherit' })
}
