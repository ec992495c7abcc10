/** Dates of made-up chats, awkward where .NET's are: three kinds, summer time, fractions, and both ends of its calendar. */

import { type Draw, pick } from './dice.ts'
import type { ChatRequestRecord } from './records.ts'

/** .NET's three kinds of date: as a database gives it (the most common), local time of São Paulo, UTC. */
const KINDS = ['', '', '', 'local', 'Z'] as const
const FRACTIONS = ['', '', '', '.5', '.12', '.007', '.1234567']
/** A date that was never set, and two that people write for "never". */
const LEAST = '0001-01-01T00:00:00'
const NEVER = ['9999-12-31T00:00:00', '9999-12-31T23:59:59.9999999']
const FIRST_SECOND = Date.UTC(2016, 0, 1) / 1000
const SECONDS_OF_TEN_YEARS = 10 * 365 * 86_400
const HOUR_MS = 3_600_000

/** São Paulo's last summer times: begin and end in UTC. Brazil gave summer time up in 2019. */
const SUMMERS = [
  ['2015-10-18T03:00Z', '2016-02-21T02:00Z'],
  ['2016-10-16T03:00Z', '2017-02-19T02:00Z'],
  ['2017-10-15T03:00Z', '2018-02-18T02:00Z'],
  ['2018-11-04T03:00Z', '2019-02-17T02:00Z'],
].map(([begin = '', end = '']) => ({ begin: Date.parse(begin), end: Date.parse(end) }))

type Dates = Pick<ChatRequestRecord, 'CreationDate' | 'KeepAliveRouterDate' | 'AssignAgentRouterDate'>

/** Created, then seen by an agent, then last heard of; one in eight chats has no agent yet, one in 32 is kept for ever. */
export function madeUpDates(draw: Draw): Dates {
  const created = (FIRST_SECOND + draw(SECONDS_OF_TEN_YEARS)) * 1000
  const agent = created + (2 + draw(90)) * 1000
  const heard = agent + draw(1800) * 1000
  const kind = pick(KINDS, draw)
  return {
    CreationDate: date(created, kind, draw),
    KeepAliveRouterDate: draw(32) === 0 ? pick(NEVER, draw) : date(heard, kind, draw),
    AssignAgentRouterDate: draw(8) === 0 ? LEAST : date(agent, kind, draw),
  }
}

function date(at: number, kind: (typeof KINDS)[number], draw: Draw): string {
  const fraction = pick(FRACTIONS, draw)
  if (kind !== 'local') return written(at) + fraction + kind
  const hours = SUMMERS.some(({ begin, end }) => begin <= at && at < end) ? 2 : 3
  return `${written(at - hours * HOUR_MS)}${fraction}-0${hours}:00`
}

function written(at: number): string {
  return new Date(at).toISOString().slice(0, 19)
}
