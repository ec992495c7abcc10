/**
 * BullMQ's own way to add a job, callable from a script of ours: the text that the installed package sends to Redis, made
 * a Lua function, and the arguments that BullMQ passes to it. All of that is BullMQ's inside, so it is caught from BullMQ
 * itself and compared with what our script passes. An upgrade that changes it stops the start, and loses nothing.
 */

import { Job, type JobsOptions, type Queue, type RedisClient } from 'bullmq'
import type { Redis } from '../redis/connections.ts'
import type { QueueNames } from '../redis/names.ts'
import { keysOf } from './bull-layout.ts'

export interface BullAdd {
  /** `local function add(KEYS, ARGV)`; ARGV: packed { prefix, id, name, timestamp }, the data, the packed options. */
  lua: string
  /** Its KEYS. */
  keys: string[]
  /** The options of a job, as JSON. */
  options: string
}

/** Its KEYS, in order, of a job that is neither delayed nor has a priority. */
export const ADD_KEYS = ['wait', 'paused', 'meta', 'id', 'completed', 'delayed', 'active', 'events', 'marker']
const DELAYED_KEYS = ['marker', 'meta', 'id', 'delayed', 'completed', 'events']
const PRIORITY_KEYS = ['marker', 'meta', 'id', 'prioritized', 'delayed', 'completed', 'active', 'events', 'pc']

// ARGV: what BullMQ packs. Nulls behind the last value are left out.
const UNPACK = `return { cjson.encode(cmsgpack.unpack(ARGV[1])), cjson.encode(cmsgpack.unpack(ARGV[2])) }`

/** Rejects with what to do if the installed BullMQ adds in another way, and if Redis cannot be asked. */
export async function bullAdd(queue: Queue, redis: Redis, names: QueueNames, options: JobsOptions): Promise<BullAdd> {
  await queue.waitUntilReady()
  const id = 'sample'
  const job = new Job(queue, 'name', { is: 'data' }, options, id)
  const { command, args } = await caught(job)
  const lua = (redis.scriptsSet as Record<string, { lua: string }>)[command]?.lua
  const key = keysOf(names, queue.name)
  const keys = keysFor(options).map(key)
  expectSame([...args.slice(0, -3), args.at(-2)], [...keys, '{"is":"data"}'])
  const packed = [args.at(-3), args.at(-1)] as Buffer[]
  const [head = '', json = ''] = (await redis.eval(UNPACK, 0, ...packed)) as string[]
  expectSame([lua !== undefined, JSON.parse(head)], [true, [key(''), id, 'name', job.timestamp]])
  return { lua: `local function add(KEYS, ARGV)\n${lua}\nend`, keys, options: json }
}

function keysFor({ delay, priority }: JobsOptions): string[] {
  if (delay) return DELAYED_KEYS
  return priority ? PRIORITY_KEYS : ADD_KEYS
}

function expectSame(seen: unknown[], known: unknown[]): void {
  if (JSON.stringify(seen) !== JSON.stringify(known)) throw unknownBullMQ('adds')
}

export function unknownBullMQ(does: string): Error {
  return new Error(
    `bullmq: expected the release that package.json names, got one that ${does} jobs in another way: run npm ci`,
  )
}

/** The command that BullMQ would send for this job. */
async function caught(job: Job): Promise<{ command: string; args: unknown[] }> {
  let seen = { command: '', args: [] as unknown[] }
  const client = {
    runCommand: (command: string, args: unknown[]) => {
      seen = { command, args }
    },
  }
  await job.addJob(client as unknown as RedisClient)
  return seen
}
