import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { type FastifyReply, fastify } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { sleep } from '../clock.ts'
import { type EventStream, EventStreams } from './event-stream.ts'

const MOST_UNREAD = 262_144
const EVENT = `data: ${'x'.repeat(10_000)}\n\n`
/** More than two sockets take by themselves. */
const MUCH = 24 * 1024 * 1024

const servers: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

/** A server whose one route is a stream, and a client of it. */
async function opened(times: { heartbeatMs: number; slowMs: number }) {
  const server = fastify({ forceCloseConnections: true })
  servers.push(server)
  const streams = new EventStreams(() => {}, new AbortController().signal, { ...times, lookMs: 20 })
  const begun = new Promise<{ stream: EventStream; reply: FastifyReply; ended: Promise<void> }>((resolve) => {
    server.get('/', (request, reply) => {
      Object.assign(request, { caller: { stands: () => true } })
      const stream = streams.open(request, reply)
      const ended = new Promise<void>((end) => stream.begin(end))
      resolve({ stream, reply, ended })
    })
  })
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const [client] = (await once(get(url), 'response')) as [IncomingMessage]
  client.on('error', () => {}) // it is cut
  return { client, ...(await begun) }
}

/** As a source does, as long as there is something to say, and it is ready; resolves to how much that was. */
async function sayMuch({ stream, reply }: { stream: EventStream; reply: FastifyReply }): Promise<number> {
  let said = 0
  while (said < MUCH && !reply.raw.destroyed) {
    if (stream.isReady) {
      stream.say(EVENT)
      said += EVENT.length
      expect(reply.raw.writableLength).toBeLessThan(MOST_UNREAD + 2 * EVENT.length)
    } else await sleep(5)
  }
  return said
}

describe('server-sent events', () => {
  it('say now and then that they are still there, where there is nothing else to say', async () => {
    const { client } = await opened({ heartbeatMs: 100, slowMs: 60_000 })
    let heard = ''
    client.setEncoding('utf8').on('data', (text) => {
      heard += text
    })
    while (heard.split(': still here\n\n').length < 4) await once(client, 'data')
    expect(heard.replaceAll(': still here\n\n', '')).toBe('retry: 2000\n\n')
  })

  it('keep little for a client that reads nothing, and cut it', async () => {
    const open = await opened({ heartbeatMs: 60_000, slowMs: 300 })
    open.client.pause()
    expect(await sayMuch(open)).toBeLessThan(MUCH)
    await open.ended
  })

  it('wait for one that reads slowly, and lose nothing', async () => {
    const open = await opened({ heartbeatMs: 60_000, slowMs: 30_000 })
    let read = 0
    open.client.on('data', (bytes: Buffer) => {
      read += bytes.length
      open.client.pause()
      setTimeout(() => open.client.resume(), 1)
    })
    const said = await sayMuch(open)
    expect(said).toBeGreaterThanOrEqual(MUCH)
    while (read < said) await sleep(20)
  })
})
