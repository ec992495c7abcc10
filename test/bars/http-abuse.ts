/** The HTTP API among clients that mean no good, all at one time, while one that means well is answered. */

import { request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, getGlobalDispatcher, request } from 'undici'
import { startApiProcess } from '../support/processes.ts'
import { startWorld } from '../support/world.ts'
import { info } from './fleet.ts'
import { watchMemory } from './memory-watch.ts'
import { atMost, exactly, type Figure } from './report.ts'

const [TOKEN, STREAMS_TOKEN] = ['token-of-one-that-means-well', 'token-of-whoever-opens-streams']
const TOKENS = `good:enqueue+view:${TOKEN},streams:view:${STREAMS_TOKEN}`
const MOST_STREAMS = 100
/** Headers have ten seconds, and the server looks every two; the rest is for a machine that has no time. */
const CUT_WITHIN_MS = 20_000
const GROWTH_MB = 60
const WORK = { clients: 100, each: 40 }
const MB = 1_048_576

export interface Abuse {
  /** Of each kind that holds connections open. */
  sockets: number
  streams: number
  guessing: { clients: number; forMs: number }
}

export async function httpAbuse({ sockets, streams, guessing }: Abuse): Promise<Figure[]> {
  const world = await startWorld()
  const api = await startApiProcess({
    REDIS_URL: world.redisUrl,
    API_TOKENS: TOKENS,
    API_REQUESTS_PER_SECOND: '100000',
  })
  const sinceIdle = watchMemory(api.pid)
  await work(api.url)
  const memory = watchMemory(api.pid)
  const good = meanWell(api.url)
  const [dripped, silent, large, guessed, opened] = await Promise.all([
    Promise.all(Array.from({ length: sockets }, () => held(api.url, 'drips'))),
    Promise.all(Array.from({ length: sockets }, () => held(api.url, 'silent'))),
    Promise.all(Array.from({ length: 20 }, () => post(api.url, 10 * MB))),
    guess(api.url, guessing),
    openStreams(api.url, streams),
  ])
  const answers = await good.end()
  const [growth, all] = [memory.end().grown, sinceIdle.end().grown]
  await api.kill('SIGKILL')
  await world.close()
  return [
    exactly(`${sockets} that drip headers`, kinds(dripped), '408'),
    exactly(`${sockets} that say nothing`, kinds(silent), '408'),
    exactly('20 bodies of 10 MB', kinds(large), '413'),
    exactly('unknown tokens', kinds(guessed), '401 429'),
    info('  tried a second', (1000 * guessed.length) / guessing.forMs),
    exactly(`${streams} streams that nobody reads`, kinds(opened), '200 503'),
    exactly('  open', opened.filter((status) => status === 200).length, Math.min(streams, MOST_STREAMS)),
    exactly('whoever means well', kinds(answers.map(({ status }) => status)), '200'),
    info(
      '  answers, and the slowest, ms',
      `${answers.length}, ${Math.round(Math.max(...answers.map(({ ms }) => ms)))}`,
    ),
    atMost('growth of RSS over an API at work, MB', growth, GROWTH_MB),
    info('  over one that has done nothing yet', all),
  ]
}

function kinds(statuses: readonly (number | string)[]): string {
  return [...new Set(statuses)].sort().join(' ')
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
      resolve(answer.statusCode ?? 0)
      asked.destroy()
    })
    asked.on('error', (error) => resolve(error.message))
    asked.end(Buffer.alloc(bytes, ' '))
  })
}

async function guess(url: string, { clients, forMs }: Abuse['guessing']): Promise<number[]> {
  const statuses: number[] = []
  const until = performance.now() + forMs
  const dispatcher = new Agent({ connections: clients })
  const one = async (number: number) => {
    for (let i = 0; performance.now() < until; i++)
      statuses.push(await statusOf(url, `guess-${number}-${i}`, dispatcher))
  }
  await Promise.all(Array.from({ length: clients }, (_, number) => one(number)))
  await dispatcher.destroy()
  return statuses
}

async function statusOf(url: string, token: string, dispatcher = getGlobalDispatcher()): Promise<number> {
  const { statusCode, body } = await request(`${url}/v1/activity`, { dispatcher, headers: bearer(token) })
  await body.dump()
  return statusCode
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** What whoever means well asks in a busy moment: the memory for that is none that abuse takes. */
async function work(url: string): Promise<void> {
  const dispatcher = new Agent({ connections: WORK.clients })
  const one = async () => {
    for (let i = 0; i < WORK.each; i++) await statusOf(url, TOKEN, dispatcher)
  }
  await Promise.all(Array.from({ length: WORK.clients }, one))
  await dispatcher.destroy()
}

/** They stay open, and unread, for as long as the others need. */
async function openStreams(url: string, count: number): Promise<number[]> {
  const dispatcher = new Agent({ connections: count })
  const asked = Array.from({ length: count }, () =>
    request(`${url}/v1/live`, { dispatcher, headers: bearer(STREAMS_TOKEN), bodyTimeout: 0 }),
  )
  const answers = await Promise.all(asked)
  for (const { body } of answers) body.on('error', () => {})
  await sleep(CUT_WITHIN_MS / 2)
  await dispatcher.destroy()
  return answers.map(({ statusCode }) => statusCode)
}

function meanWell(url: string) {
  const answers: { status: number; ms: number }[] = []
  const dispatcher = new Agent()
  let isOver = false
  const asking = (async () => {
    while (!isOver) {
      const from = performance.now()
      answers.push({ status: await statusOf(url, TOKEN, dispatcher), ms: performance.now() - from })
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
