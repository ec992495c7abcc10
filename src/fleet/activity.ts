/** Who did what by hand to this fleet, the newest first. */

import { iso } from '../clock.ts'
import type { Selection } from '../domain/selection.ts'
import { CUT_OFF_AFTER_MS } from '../redis/activity.ts'
import type { Redis } from '../redis/connections.ts'
import { actionKey, activityKey, type QueueNames, shortHash } from '../redis/names.ts'
import { redisTime } from '../redis/time.ts'

/** `done`: all of it. `stopped`: by whoever did it, or by an error. `cut-off`: its process is gone. */
export const ACTIVITY_STATES = ['done', 'running', 'stopped', 'cut-off'] as const
export type ActivityState = (typeof ACTIVITY_STATES)[number]

export interface Activity {
  /** ISO 8601, UTC: when it began. */
  at: string
  /** `user@host` of a command, or the name of a token. */
  who: string
  action: string
  /** Ids of connections, correlations and lookups only as hashes. */
  arguments: Record<string, unknown>
  /** How many lookups, holds, limits or codes; null: not known any more, after a year. */
  count: number | null
  state: ActivityState
  /** ISO 8601, UTC; null where it is not known, or it goes on. */
  endedAt: string | null
  /** Of an action in steps. */
  id: string | null
}

/** An action in steps, as far as it has come. */
export interface ActionSeen extends Omit<Activity, 'id' | 'count'> {
  id: string
  /** Done, refused, and looked at. */
  count: number
  refused: number
  looked: number
  /** What it waits for at the moment; null: it goes on, or has ended. */
  waitsFor: string | null
  /** What to do about one that came to no end; null: nothing. */
  cure: string | null
}

const RUN_AGAIN = 'run it again with the same arguments: what is done stays done, and is done once'
const CURES: Partial<Record<ActivityState, string>> = {
  stopped: `it was stopped before its end, by an error or because its process was stopped; ${RUN_AGAIN}`,
  'cut-off': `its process is gone, or has lost Redis; ${RUN_AGAIN}`,
}

/** Null: there is none of that id, or not any more. */
export async function readAction(redis: Redis, names: QueueNames, id: string): Promise<ActionSeen | null> {
  const key = actionKey(names, id)
  const [steps, now] = await Promise.all([redis.hgetall(key), redisTime(redis, key)])
  if (steps.at === undefined) return null
  const { count, ...seen } = asActivity({ ...steps, id }, steps, now)
  return {
    ...seen,
    id,
    count: count ?? 0,
    refused: Number(steps.refused ?? 0),
    looked: Number(steps.looked ?? 0),
    waitsFor: seen.state === 'running' ? steps.waitsFor || null : null,
    cure: CURES[seen.state] ?? null,
  }
}

export const MOST_ACTIVITY = 10_000
/** A page of entries costs Redis well under a millisecond. */
const PAGE = 200

/** At most `limit` entries. */
export async function readActivity(redis: Redis, names: QueueNames, limit: number): Promise<Activity[]> {
  const key = activityKey(names)
  const at = await redisTime(redis, key)
  const found: Activity[] = []
  for (let from = '+'; found.length < limit; ) {
    const count = Math.min(PAGE, limit - found.length)
    const page = await redis.xrevrange(key, from, '-', 'COUNT', count)
    const steps = await readSteps(redis, names, page)
    found.push(...page.map(([, fields], index) => asActivity(fieldsOf(fields), steps[index] ?? null, at)))
    if (page.length < count) break
    from = `(${page.at(-1)?.[0]}`
  }
  return found
}

/** The hash that stands for an id in the activity. */
export function hashOfId(id: string): string {
  return shortHash(id)
}

const MOST_NAMED = 10

/** Arguments of an action on lookups that were named: how many, and hashes of the first ones. */
export function namedLookups(lookupIds: readonly string[]): Record<string, unknown> {
  return { named: lookupIds.length, lookups: lookupIds.slice(0, MOST_NAMED).map(hashOfId) }
}

/** Arguments of an action on a selection. */
export function selectedLookups({ connectionId, correlationId, ...same }: Selection): Record<string, unknown> {
  return {
    selection: {
      ...(connectionId !== undefined && { connectionId: hashOfId(connectionId) }),
      ...(correlationId !== undefined && { correlationId: hashOfId(correlationId) }),
      ...same,
    },
  }
}

type Fields = Readonly<Record<string, string>>

async function readSteps(
  redis: Redis,
  names: QueueNames,
  page: readonly [id: string, fields: string[]][],
): Promise<(Fields | null)[]> {
  return Promise.all(
    page.map(async ([, fields]) => {
      const { id } = fieldsOf(fields)
      return id === undefined ? null : redis.hgetall(actionKey(names, id))
    }),
  )
}

function fieldsOf(fields: readonly string[]): Fields {
  return Object.fromEntries(fields.flatMap((name, index) => (index % 2 === 0 ? [[name, fields[index + 1] ?? '']] : [])))
}

function asActivity(entry: Fields, steps: Fields | null, now: number): Activity {
  const at = iso(Number(entry.at))
  const same = { at, who: entry.who ?? '', action: entry.action ?? '', arguments: JSON.parse(entry.arguments ?? '{}') }
  if (!steps) return { ...same, count: Number(entry.count), state: 'done', endedAt: at, id: null }
  const { count, ended, endedAt, seenAt } = steps
  const isSeen = now - Number(seenAt ?? 0) < CUT_OFF_AFTER_MS
  return {
    ...same,
    count: count === undefined ? null : Number(count),
    state: (ended as ActivityState | undefined) ?? (isSeen ? 'running' : 'cut-off'),
    endedAt: endedAt === undefined ? null : iso(Number(endedAt)),
    id: entry.id ?? '',
  }
}
