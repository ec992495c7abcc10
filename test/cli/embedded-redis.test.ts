import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startEmbeddedRedis } from '../../src/cli/demo/embedded-redis.ts'
import { until } from '../support/world.ts'
import { endAll, isAlive, watch } from './started.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chat-enricher-embedded-'))
  vi.stubEnv('TMPDIR', folder)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await endAll()
  rmSync(folder, { recursive: true, force: true })
})

const SOURCE = fileURLToPath(new URL('../../src/cli/demo/embedded-redis.ts', import.meta.url))
const PARENT = `
const { startEmbeddedRedis } = await import(${JSON.stringify(SOURCE)})
const { pid, url } = await startEmbeddedRedis()
console.log('redis', pid, url)
setInterval(() => {}, 1000)`

describe('the embedded Redis', () => {
  it('is fit for queues, keeps nothing on disk, and is gone with its folder when stopped', async () => {
    const embedded = await startEmbeddedRedis()
    const redis = new Redis(embedded.url)
    expect(await redis.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction'])
    expect(await redis.config('GET', 'save')).toEqual(['save', ''])
    redis.disconnect()
    expect(readdirSync(folder)).toHaveLength(1)
    await embedded.stop()
    expect(isAlive(embedded.pid)).toBe(false)
    expect(readdirSync(folder)).toEqual([])
    await embedded.stop() // again does nothing
  })

  it('takes settings, as any redis-server does', async () => {
    const embedded = await startEmbeddedRedis(['--appendonly', 'yes'])
    const redis = new Redis(embedded.url)
    expect(await redis.config('GET', 'appendonly')).toEqual(['appendonly', 'yes'])
    redis.disconnect()
    await embedded.stop()
  })

  it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
    'is gone, and its folder too, when its parent gets %s',
    async (signal) => {
      const parent = watch(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', PARENT], {
        TMPDIR: folder,
      })
      const [, pid] = await parent.says(/redis (\d+) redis:/)
      expect(isAlive(Number(pid))).toBe(true)
      parent.child.kill(signal)
      await parent.ended
      await until('Redis is gone', () => !isAlive(Number(pid)))
      await until('its folder is gone', () => readdirSync(folder).every((name) => name.startsWith('tsx-')))
    },
  )

  it('that cannot start says why, and leaves nothing behind', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => taken.once('listening', resolve))
    const { port } = taken.address() as { port: number }
    await expect(startEmbeddedRedis([], port)).rejects.toThrow(
      /answer at .*, got nothing; .*redis-server said: .*Failed listening on port/,
    )
    expect(readdirSync(folder)).toEqual([])
    taken.close()
  })

  it('says how to get one where there is none', async () => {
    vi.stubEnv('PATH', folder)
    await expect(startEmbeddedRedis()).rejects.toThrow(/expected redis-server or valkey-server on PATH, got neither/)
  })
})
