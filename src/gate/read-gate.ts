/** The gate as it stands, in one look: many look once a second. */

import type { Redis } from '../redis/connections.ts'
import type { GateKeys } from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { HOLD_RECORD_LUA } from './hold-record.ts'
import { type AcceptedCode, HOLDS_NOW_LUA, type HoldsNow, holdsIn, type SetByHand } from './holds.ts'
import { type LimitSet, limitsIn } from './limits.ts'

const READ = new Script(`
local HOLD, LIMITS, ACCEPTED, ACCEPTED_BY, IN_FLIGHT, IN_FLIGHT_INTERACTIVE = unpack(KEYS)
${HOLD_RECORD_LUA}
${HOLDS_NOW_LUA}
return {
  holdsNow(HOLD),
  redis.call('HGETALL', LIMITS),
  redis.call('SMEMBERS', ACCEPTED),
  redis.call('HGETALL', ACCEPTED_BY),
  redis.call('ZCARD', IN_FLIGHT) + redis.call('ZCARD', IN_FLIGHT_INTERACTIVE),
}`)

export interface GateRead extends HoldsNow {
  /** By hand. */
  limitsSet: LimitSet[]
  /** Codes that an operator has accepted. */
  accepted: AcceptedCode[]
  /** Calls that are out at the moment, as far as they are counted (where calls in flight are limited). */
  callsInFlight: number
}

type Reply = [holds: string[], limits: string[], accepted: string[], acceptedBy: string[], inFlight: number]

export async function readGate(redis: Redis, gate: GateKeys): Promise<GateRead> {
  const keys = [gate.hold, gate.limits, gate.accepted, gate.acceptedBy, gate.inFlight, gate.inFlightInteractive]
  const [holds, limits, accepted, acceptedBy, callsInFlight] = (await READ.run(redis, keys)) as Reply
  return {
    ...holdsIn(holds),
    limitsSet: limitsIn(fieldsOf(limits)),
    accepted: acceptedIn(accepted, fieldsOf(acceptedBy)),
    callsInFlight,
  }
}

/** With who did that and when; null where it was done before that was kept. */
function acceptedIn(codes: readonly string[], by: Readonly<Record<string, string>>): AcceptedCode[] {
  const known = (code: string) => JSON.parse(by[code] ?? '{"who":null,"since":null}') as SetByHand
  return codes.map((code) => ({ code: Number(code), ...known(code) })).toSorted((a, b) => a.code - b.code)
}

function fieldsOf(flat: readonly string[]): Record<string, string> {
  const names = flat.filter((_, index) => index % 2 === 0)
  return Object.fromEntries(names.map((name, index) => [name, flat[2 * index + 1] ?? '']))
}
