/** How much memory a process takes while something is done to it. */

import { residentMb } from '../../bench/processes.ts'

const LOOK_EVERY_MS = 50

/** What the end returns is in MB of RSS. */
export function watchMemory(pid: number): { end(): { most: number; grown: number } } {
  const before = residentMb(pid).now
  let most = before
  const look = setInterval(() => {
    most = Math.max(most, residentMb(pid).now)
  }, LOOK_EVERY_MS)
  return {
    end: () => {
      clearInterval(look)
      return { most, grown: most - before }
    },
  }
}
