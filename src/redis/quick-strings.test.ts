import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'

/**
 * In a process of its own: CPU of one loop over strings, before ioredis is there and once a connection was made. The loop is
 * run until it is quick, because on a busy machine V8 takes its time to compile it.
 */
const PROGRAM = `
  const run = new Function('xml', 'let n = 0; for (let i = 0; i < xml.length; i++) n += xml.charCodeAt(i); return n')
  const again = new Function('xml', 'let n = 1; for (let i = 0; i < xml.length; i++) n += xml.charCodeAt(i); return n')
  const xml = '<soap:Envelope>'.repeat(80)
  const least = (loop, enough, runs) => {
    let least = Infinity
    for (let i = 0; i < runs && least > enough; i++) {
      const before = process.cpuUsage().user
      for (let j = 0; j < 4_000; j++) loop(xml)
      least = Math.min(least, process.cpuUsage().user - before)
    }
    return least
  }
  const plain = least(run, 0, 50)
  const { commandConnection, singleRedis } = await import(process.argv[1])
  commandConnection(singleRedis('redis://127.0.0.1:1'), 'test').on('error', () => undefined).disconnect()
  process.stdout.write(String(least(again, 2 * plain, 300) / plain))`

describe('strings', () => {
  // Fails without: src/redis/connections.ts: quickenStrings.
  it('are as quick with a connection to Redis as without ioredis, which makes them five times as slow', () => {
    const connections = new URL('./connections.ts', import.meta.url).href
    const args = ['--import', 'tsx', '--input-type=module', '-e', PROGRAM, connections]
    expect(Number(execFileSync(process.execPath, args, { encoding: 'utf8' }))).toBeLessThanOrEqual(2)
  })
})
