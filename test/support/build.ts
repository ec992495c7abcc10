import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Process-level tests run what is shipped: the build. */
export default function build(): void {
  const tsc = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url))
  const root = fileURLToPath(new URL('../..', import.meta.url))
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
}
