/** promtool and amtool, where they are. In CI they must be. */

import { execFileSync } from 'node:child_process'

export const hasPromtool = isHere('promtool', 'prometheus')
export const hasAmtool = isHere('amtool', 'prometheus-alertmanager')

/** What it prints; throws with all it said if it fails. */
export function runTool(tool: string, ...args: string[]): string {
  try {
    return execFileSync(tool, args, { encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    throw new Error(`${tool} ${args.join(' ')}\n${stdout ?? ''}${stderr ?? ''}`, { cause: error })
  }
}

function isHere(tool: string, pack: string): boolean {
  try {
    execFileSync(tool, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    const whereFrom = `${tool} is not on PATH (Debian: apt-get install --no-install-recommends ${pack})`
    if (process.env.CI === 'true') throw new Error(whereFrom)
    console.warn(`skipped: ${whereFrom}; with CI=true this is a failure`)
    return false
  }
}
