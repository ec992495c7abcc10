import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { startWorker } from '../support/processes.ts'
import { useConsumer, useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'

const world = useWorld()
const consumer = useConsumer(world)

/** The names of connections, by their addresses. */
async function named(): Promise<Map<string, string>> {
  const list = (await world.redis.client('LIST')) as string
  const lines = list
    .split('\n')
    .map((line) => [/ addr=(\S+)/.exec(line)?.[1] ?? '', / name=(\S*)/.exec(line)?.[1] ?? ''])
  return new Map(lines as [string, string][])
}

/** What Redis is sent from now on, one line each, with the address that it comes from. */
async function watched(): Promise<{ lines: () => string[]; end: () => void }> {
  const { hostname, port } = new URL(world.redisUrl)
  const socket = connect(Number(port), hostname)
  let text = ''
  socket.setEncoding('utf8').on('data', (part) => {
    text += part
  })
  socket.write('MONITOR\r\n')
  await until('Redis tells', () => text.startsWith('+OK'))
  return { lines: () => text.split('\n'), end: () => socket.destroy() }
}

// Fails without: src/app/worker-app.ts: forCalls
it('what comes before a call does not stand behind results: it has a connection of its own', async () => {
  await startWorker({ ...world.env, RATE_LIMIT_PER_SECOND: 'none' })
  const { lines, end } = await watched()
  await world.queue(NAMES.lookupQueue).add('lookup', { connectionId: 'one' })
  await consumer.have(1)
  const names = await named()
  const askedOn = (part: string) => {
    const scripts = lines().filter((line) => line.includes('"evalsha"') && line.includes(part))
    return new Set(scripts.map((line) => names.get(/\[\d+ (\S+)\]/.exec(line)?.[1] ?? '')))
  }
  expect(askedOn(':rate-missed')).toEqual(new Set(['chat-enricher:calls'])) // permits
  expect(askedOn(':call:batch:')).toEqual(new Set(['chat-enricher:calls'])) // joins
  expect(askedOn(`${NAMES.resultQueue}:wait`)).not.toContain('chat-enricher:calls')
  expect(askedOn(`${NAMES.resultQueue}:wait`)).toContain('chat-enricher:worker')
  end()
})
