import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'

/** In a process of its own: CPU of one loop over strings, before ioredis is there, with it, and once a connection was made. */
const PROGRAM = `
  const loop = () => new Function('xml', 'let n = 0; for (let i = 0; i < xml.length; i++) n += xml.charCodeAt(i); return n')
  const cost = () => {
    const [run, xml] = [loop(), '<soap:Envelope>'.repeat(80)]
    const costs = [0, 1, 2, 3, 4].map(() => {
      const before = process.cpuUsage().user
      for (let i = 0; i < 4_000; i++) run(xml)
      return process.cpuUsage().user - before
    })
    return Math.min(...costs)
  }
  const plain = cost()
  const { commandConnection, singleRedis } = await import(process.argv[1])
  const imported = cost()
  commandConnection(singleRedis('redis://127.0.0.1:1'), 'test').on('error', () => undefined).disconnect()
  process.stdout.write(JSON.stringify([imported / plain, cost() / plain]))`

describe('strings', () => {
  // Fails without: src/redis/connections.ts: quickenStrings.
  it('are as quick with a connection to Redis as without ioredis', () => {
    const connections = new URL('./connections.ts', import.meta.url).href
    const args = ['--import', 'tsx', '--input-type=module', '-e', PROGRAM, connections]
    const [imported, connected] = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as [
      number,
      number,
    ]
    expect(connected, `${imported} times as slow once ioredis is imported`).toBeLessThan(2.5)
  })
})
