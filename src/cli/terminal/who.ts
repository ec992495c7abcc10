import { hostname, userInfo } from 'node:os'

const MOST = 128

/** Who acts by a command, for the activity: `user@host`. */
export function whoIsThis(): string {
  return `${userName()}@${hostname()}`.replace(/\p{Cc}/gu, '').slice(0, MOST)
}

/** A container may run as a number that has no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`
  }
}
