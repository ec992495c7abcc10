/** The HTTP API among clients that mean no good, all at one time, while one that means well is answered. */

import { request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { enqueue } from '../../bench/load.ts'
import { SHIPPED_NODE_OPTIONS } from '../support/heap-limit.ts'
import { startApiProcess, startWorker } from '../support/processes.ts'
import { NAMES, startWorld, type World } from '../support/world.ts'
import { info } from './fleet.ts'
import { type Guessing, guessTokens } from './http-guess.ts'
import { watchMemory } from './memory-watch.ts'
import { atLeast, atMost, exactly, type Figure } from './report.ts'

const [TOKEN, STREAMS_TOKEN] = ['token-of-one-that-means-well', 'token-of-whoever-opens-streams']
const TOKENS = `good:enqueue+view:${TOKEN},streams:view:${STREAMS_TOKEN}`
const MOST_STREAMS = 100
/** Headers have ten seconds, and the server looks every two; the rest is for an API that has no time while tokens are tried. */
const CUT_WITHIN_MS = 40_000
const STREAMS_OPEN_MS = 10_000
/** The system keeps no more than some hundred connections for a process to take, and drops what comes at the same moment. */
const APART_MS = 3
const WORK = { clients: 100, each: 40 }
const GROWTH_MB = 60
/** More than the worker has time for. */
const LOOKUPS = 20_000
const MB = 1_048_576

interface Answer {
  status: number | string
  ms: number
}

export interface Abuse {
  /** Of each kind that holds connections open. */
  sockets: number
  streams: number
  guessing: Guessing
}

/** A worker beside it goes at this pace; at full speed they would share the machine's cores, whatever the API does. */
const PACE = 100
const BEFORE_MS = 10_000
const WITHIN = 0.9

export async function httpAbuse(abuse: Abuse): Promise<Figure[]> {
  const world = await startWorld()
  const api = await startApiProcess({
    REDIS_URL: world.redisUrl,
    API_TOKENS: TOKENS,
    API_REQUESTS_PER_SECOND: '100000',
    NODE_OPTIONS: SHIPPED_NODE_OPTIONS,
  })
  const limits = { RATE_LIMIT_PER_SECOND: String(PACE), RESULT_BACKLOG_LIMIT: 'none' }
  await startWorker({ ...world.env, ...limits, NODE_OPTIONS: SHIPPED_NODE_OPTIONS })
  await enqueue(world.redis, LOOKUPS)
  const sinceIdle = watchMemory(api.pid)
  await work(api.url)
  const before = await whileWorking(world, () => sleep(BEFORE_MS))
  const memory = watchMemory(api.pid)
  const good = meanWell(api.url)
  const during = await whileWorking(world, () => allAtOnce(api.url, abuse))
  const answers = await good.end()
  const figures = [
    ...abused(abuse, during.got, answers),
    atMost('growth of RSS over an API at work, MB', memory.end().grown, GROWTH_MB),
    info('  over one that has done nothing yet', sinceIdle.end().grown),
    info('a worker at its pace before, lookups a second', before.perSecond),
    atLeast('  while all this goes on, of that', during.perSecond / before.perSecond, WITHIN),
  ]
  await api.kill('SIGKILL')
  await world.close()
  return figures
}

async function allAtOnce(url: string, { sockets, streams, guessing }: Abuse) {
  const [dripped, silent, large, guessed, opened] = await Promise.all([
    Promise.all(Array.from({ length: sockets }, (_, number) => heldLater(number, url, 'drips'))),
    Promise.all(Array.from({ length: sockets }, (_, number) => heldLater(number, url, 'silent'))),
    Promise.all(Array.from({ length: 20 }, () => post(url, 10 * MB))),
    guessTokens(url, guessing),
    openStreams(url, streams),
  ])
  return { dripped, silent, large, guessed, opened }
}

function abused(
  { sockets, streams, guessing }: Abuse,
  { dripped, silent, large, guessed, opened }: Awaited<ReturnType<typeof allAtOnce>>,
  answers: readonly Answer[],
): Figure[] {
  const slowest = Math.round(Math.max(...answers.map(({ ms }) => ms)))
  const answered = [...guessed.answers.values()].reduce((sum, count) => sum + count, 0)
  return [
    exactly(`${sockets} that drip headers`, kinds(dripped), '408'),
    exactly(`${sockets} that say nothing`, kinds(silent), '408'),
    exactly('20 bodies of 10 MB', kinds(large), '413'),
    exactly('unknown tokens', kinds([...guessed.answers.keys()]), '401 429'),
    info('  tried a second', (1000 * guessed.tried) / guessing.forMs),
    info('  answered a second', (1000 * answered) / guessing.forMs),
    info('  connections closed', guessed.closed),
    exactly(`${streams} streams that nobody reads`, kinds(opened), '200 503'),
    exactly('  open', opened.filter((status) => status === 200).length, Math.min(streams, MOST_STREAMS)),
    exactly('whoever means well', kinds(answers.map(({ status }) => status)), '200'),
    info('  answers, and the slowest, ms', `${answers.length}, ${slowest}`),
  ]
}

/** How many lookups a second the worker ends meanwhile. */
async function whileWorking<T>({ redis }: World, task: () => Promise<T>): Promise<{ got: T; perSecond: number }> {
  const results = () => redis.llen(`${NAMES.prefix}:${NAMES.resultQueue}:wait`)
  const [from, startedAt] = [await results(), performance.now()]
  const got = await task()
  return { got, perSecond: (1000 * ((await results()) - from)) / (performance.now() - startedAt) }
}

function kinds(statuses: readonly (number | string)[]): string {
  return [...new Set(statuses)].sort().join(' ')
}

async function heldLater(number: number, url: string, how: 'drips' | 'silent'): Promise<number | string> {
  await sleep(APART_MS * number)
  return held(url, how)
}

/** The status with which it is cut. */
function held(url: string, how: 'drips' | 'silent'): Promise<number | string> {
  const { hostname, port } = new URL(url)
  const socket: Socket = connect(Number(port), hostname)
  const drip = setInterval(() => socket.write('X-More: x\r\n'), 1000)
  if (how === 'drips') socket.write('GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\n')
  else clearInterval(drip)
  let text = ''
  return new Promise((resolve) => {
    const over = setTimeout(() => socket.destroy(), CUT_WITHIN_MS)
    socket.on('data', (data) => {
      text += data
    })
    socket.on('error', () => {}) // cut while it wrote
    socket.once('close', () => {
      clearInterval(drip)
      clearTimeout(over)
      resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0) || 'not answered')
    })
  })
}

function post(url: string, bytes: number): Promise<number | string> {
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', 'content-length': bytes }
  return new Promise((resolve) => {
    const asked = httpRequest(`${url}/v1/lookups`, { method: 'POST', headers }, (answer) => {
      answer.on('error', () => {}) // the rest of the body is not taken
      resolve(answer.statusCode ?? 0)
      asked.destroy()
    })
    asked.on('error', (error) => resolve(error.message))
    asked.end(Buffer.alloc(bytes, ' '))
  })
}

/** Or why there is none. */
async function statusOf(url: string, dispatcher: Agent): Promise<number | string> {
  try {
    const { statusCode, body } = await request(`${url}/v1/activity`, { dispatcher, headers: bearer(TOKEN) })
    await body.dump()
    return statusCode
  } catch (error) {
    return codeOf(error)
  }
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? String(error)

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** What whoever means well asks in a busy moment: the memory for that is none that abuse takes. */
async function work(url: string): Promise<void> {
  const dispatcher = new Agent({ connections: WORK.clients })
  const one = async () => {
    for (let i = 0; i < WORK.each; i++) await statusOf(url, dispatcher)
  }
  await Promise.all(Array.from({ length: WORK.clients }, one))
  await dispatcher.destroy()
}

/** They stay open, and unread, for as long as the others need. */
async function openStreams(url: string, count: number): Promise<(number | string)[]> {
  const dispatcher = new Agent({ connections: count, connect: { timeout: CUT_WITHIN_MS } })
  const one = async (number: number) => {
    await sleep(APART_MS * number)
    const headers = bearer(STREAMS_TOKEN)
    try {
      const { statusCode, body } = await request(`${url}/v1/live`, { dispatcher, headers, bodyTimeout: 0 })
      body.on('error', () => {}) // it is cut unread
      return statusCode
    } catch (error) {
      return codeOf(error)
    }
  }
  const statuses = await Promise.all(Array.from({ length: count }, (_, number) => one(number)))
  await sleep(STREAMS_OPEN_MS)
  await dispatcher.destroy()
  return statuses
}

function meanWell(url: string) {
  const answers: Answer[] = []
  const dispatcher = new Agent()
  let isOver = false
  const asking = (async () => {
    while (!isOver) {
      const from = performance.now()
      answers.push({ status: await statusOf(url, dispatcher), ms: performance.now() - from })
      await sleep(100)
    }
  })()
  return {
    end: async () => {
      isOver = true
      await asking
      await dispatcher.destroy()
      return answers
    },
  }
}
