/** Faults that a random run draws from: each begins, and gives back how it is undone. */

import { run } from '../support/processes.ts'
import { type Answer, CHAT } from '../support/scripted-service.ts'
import type { Rig, RigWorker } from './rig.ts'

/** Numbers from 0 up to 1, always the same ones for a seed. */
export type Random = () => number

export interface Disturbance {
  /** Of calls in flight: those of this worker, or of all. */
  user: string | null
  from: number
  to: number
}

export interface FaultContext {
  rig: Rig
  random: Random
  /** Notes that what workers do between these times may come to nothing. */
  disturb(of: Disturbance): void
  /** Redis is being ended or frozen already: one at a time. */
  redisIsBroken: boolean
  /** Users of workers that are never ended. */
  spared?: ReadonlySet<string>
}

interface Fault {
  /** How often it is drawn, against the others. */
  weight: number
  /** Longest it lasts, ms; 0: it is over at once. */
  lastsMs: number
  /** Resolves to what ends it. */
  begin(context: FaultContext, lastsMs: number): Promise<() => Promise<void> | void>
}

const nothing = () => {}
/** What a worker had in hand when it was broken may have been asked for up to so long before. */
const IN_HAND_MS = 15_000

/** mulberry32 */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function oneOf<T>(items: readonly T[], random: Random): T {
  return items[Math.floor(random() * items.length)] as T
}

function disturbed({ disturb }: FaultContext, worker: RigWorker | null, lastsMs: number): void {
  const at = performance.now()
  disturb({ user: worker?.user ?? null, from: at - IN_HAND_MS, to: at + lastsMs + 1000 })
}

function ofWorker(break_: (worker: RigWorker, context: FaultContext) => Promise<() => Promise<void> | void>) {
  return async (context: FaultContext, lastsMs: number) => {
    const worker = oneOf(context.rig.workers, context.random)
    disturbed(context, worker, lastsMs)
    return break_(worker, context)
  }
}

function endsWorker(signal: NodeJS.Signals) {
  return async (context: FaultContext, lastsMs: number) => {
    const worker = oneOf(
      context.rig.workers.filter(({ user }) => !context.spared?.has(user)),
      context.random,
    )
    disturbed(context, worker, lastsMs)
    worker.child.kill(signal)
    return nothing
  }
}

function ofRedis(break_: (rig: Rig) => Promise<() => Promise<void> | void>) {
  return async (context: FaultContext, lastsMs: number) => {
    if (context.redisIsBroken) return nothing
    context.redisIsBroken = true
    disturbed(context, null, lastsMs)
    const undo = await break_(context.rig)
    return async () => {
      await undo()
      context.redisIsBroken = false
    }
  }
}

/** The service says this to everybody, or to a part of the calls. */
function ofService(answer: (random: Random) => Answer, part = 1) {
  return async ({ rig, random }: FaultContext) => {
    const script = () => (random() < part ? answer(random) : CHAT)
    rig.service.script = script
    return () => {
      if (rig.service.script === script) rig.service.script = () => CHAT
    }
  }
}

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\n'
const wire = (write: Extract<Answer, { say: 'wire' }>['write']): Answer => ({ say: 'wire', write })

export const FAULTS: Readonly<Record<string, Fault>> = {
  'worker killed': {
    weight: 3,
    lastsMs: 0,
    begin: endsWorker('SIGKILL'),
  },
  'worker stopped': {
    weight: 2,
    lastsMs: 0,
    begin: endsWorker('SIGTERM'),
  },
  'worker frozen': {
    weight: 2,
    lastsMs: 12_000,
    begin: ofWorker(async ({ child }) => {
      child.kill('SIGSTOP')
      return () => void child.kill('SIGCONT')
    }),
  },
  'worker cut off from Redis': {
    weight: 3,
    lastsMs: 0,
    begin: ofWorker(async ({ proxy }) => {
      proxy.cut()
      return nothing
    }),
  },
  'worker refused by Redis': {
    weight: 1,
    lastsMs: 8000,
    begin: ofWorker(async ({ proxy }) => {
      await proxy.refuse()
      return () => proxy.accept()
    }),
  },
  'what Redis says is lost': {
    weight: 2,
    lastsMs: 6000,
    begin: ofWorker(async ({ proxy }) => losing(proxy, 'to-client')),
  },
  'what Redis is told is lost': {
    weight: 2,
    lastsMs: 6000,
    begin: ofWorker(async ({ proxy }) => losing(proxy, 'to-server')),
  },
  'slow way to Redis': {
    weight: 1,
    lastsMs: 8000,
    begin: ofWorker(async ({ proxy }, { random }) => {
      proxy.delayMs = 20 + random() * 300
      return () => {
        proxy.delayMs = 0
      }
    }),
  },
  'Redis restarted': {
    weight: 1,
    lastsMs: 4000,
    begin: ofRedis(async ({ redisServer }) => {
      await redisServer.shutdown()
      return () => redisServer.start()
    }),
  },
  'Redis killed': {
    weight: 1,
    lastsMs: 6000,
    begin: ofRedis(async ({ redisServer }) => {
      await redisServer.kill()
      return () => redisServer.start()
    }),
  },
  'Redis frozen': {
    weight: 1,
    lastsMs: 10_000,
    begin: ofRedis(async ({ redisServer }) => {
      redisServer.freeze()
      return () => redisServer.thaw()
    }),
  },
  'Redis out of memory': {
    weight: 1,
    lastsMs: 6000,
    begin: ofRedis(async ({ redis }) => {
      await redis.config('SET', 'maxmemory', '1mb')
      return async () => void (await redis.config('SET', 'maxmemory', '0'))
    }),
  },
  'scripts forgotten by Redis': {
    weight: 1,
    lastsMs: 0,
    begin: async ({ rig, redisIsBroken }) => {
      if (!redisIsBroken) await rig.redis.script('FLUSH')
      return nothing
    },
  },
  'service: 500': { weight: 1, lastsMs: 6000, begin: ofService(() => ({ say: 'status', status: 500 })) },
  'service: 503 with Retry-After': {
    weight: 1,
    lastsMs: 2000,
    begin: ofService(() => ({ say: 'status', status: 503, retryAfter: 2 }), 0.3),
  },
  'service: soap:Server': { weight: 1, lastsMs: 6000, begin: ofService(() => ({ say: 'fault', code: 'Server' })) },
  'service: one in five fails': {
    weight: 1,
    lastsMs: 8000,
    begin: ofService(
      (random) =>
        oneOf(
          [
            { say: 'fault', code: 'Server' },
            { say: 'status', status: 502 },
          ],
          random,
        ),
      0.2,
    ),
  },
  'service: no answer': { weight: 1, lastsMs: 6000, begin: ofService(() => ({ say: 'hang' })) },
  'service: resets': { weight: 1, lastsMs: 5000, begin: ofService(() => ({ say: 'reset' })) },
  'service: garbage': {
    weight: 1,
    lastsMs: 4000,
    begin: ofService(() => wire((socket) => socket.end(`${HEAD}Content-Length: 9\r\n\r\n<a><b></a`))),
  },
  'service: half answers': {
    weight: 1,
    lastsMs: 4000,
    begin: ofService((random) =>
      wire((socket, chat) => {
        socket.end(`${HEAD}Content-Length: ${Buffer.byteLength(chat)}\r\n\r\n${chat.slice(0, random() * chat.length)}`)
      }),
    ),
  },
  'service: log-in page': { weight: 1, lastsMs: 3000, begin: ofService(() => ({ say: 'page', status: 200 })) },
  'service: slow': {
    weight: 1,
    lastsMs: 6000,
    begin: async ({ rig, random }) => {
      rig.service.latencyMs = 500 + random() * 1500
      return () => {
        rig.service.latencyMs = 20
      }
    },
  },
  'service: port closed': {
    weight: 1,
    lastsMs: 4000,
    begin: async ({ rig }) => {
      if (rig.service.isClosed) return nothing
      await rig.service.refuse()
      return () => rig.service.accept()
    },
  },
  'held by hand': {
    weight: 1,
    lastsMs: 3000,
    begin: async ({ rig, redisIsBroken }) => {
      if (redisIsBroken) return nothing
      await run(['hold', '--for', '10s'], rig.env)
      return async () => void (await run(['release'], rig.env))
    },
  },
  'limit changed': {
    weight: 1,
    lastsMs: 5000,
    begin: async ({ rig, redisIsBroken, random }) => {
      if (redisIsBroken) return nothing
      await run(['limit', '--rate', String(5 + Math.floor(random() * 100))], rig.env)
      return async () => void (await run(['limit', '--reset'], rig.env))
    },
  },
}

function losing(proxy: RigWorker['proxy'], direction: 'to-client' | 'to-server') {
  proxy.losing = direction
  return () => {
    proxy.losing = null
    proxy.cut() // what was lost is never sent again on the same connection
  }
}
