import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Packed, unchangedBy } from '../support/packed.ts'
import { useWorld } from '../support/use-world.ts'

const world = useWorld()
let packed: Packed
beforeAll(() => {
  packed = new Packed(['bullmq', 'ioredis', 'zod', '@types', 'undici-types', '@ioredis'])
})
afterAll(() => packed.remove())

/** Files of ours whose code is loaded with the library. */
function sources(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen
  seen.add(file)
  for (const [, to = ''] of readFileSync(file, 'utf8').matchAll(/^\s*(?:import|\} from) "(\.\/[^"]+)";$/gm)) {
    sources(join(dirname(file), to), seen)
  }
  return seen
}

describe('the packed library', () => {
  it('has nothing that publint finds', async () => {
    const { messages } = await publint({ pack: { tarball: packed.tarball.buffer }, strict: true })
    expect(messages).toEqual([])
  })

  it('has types that are right wherever ES modules are, as are-the-types-wrong says', async () => {
    const analysis = await checkPackage(createPackageFromTarballData(packed.tarball))
    if (analysis.types === false) throw new Error('expected types in the package, got none')
    expect(Object.keys(analysis.entrypoints)).toEqual(expect.arrayContaining(['.', './soap']))
    // It is an ES module: CommonJS loads it by require from Node 20.19 on, and node10 does not know exports.
    const isOfEsm = (one: object) => !('resolutionKind' in one && /node10|cjs/.test(String(one.resolutionKind)))
    expect(analysis.problems.filter(isOfEsm)).toEqual([])
  })

  it('has the types that our programs are held to', () => {
    const text = readFileSync(fileURLToPath(new URL('../types/library.ts', import.meta.url)), 'utf8')
    const program = text.replace('../../src/index.ts', 'chat-enricher')
    const lib = ['--lib', 'es2023,esnext.disposable']
    expect(packed.typeCheck(program, ...lib)).toBe('')
    expect(packed.typeCheck(program.replace('connectionId: 12345', "connectionId: '12345'"), ...lib)).toContain(
      'TS2578',
    )
  })

  it('loads no code of the worker, the SOAP client, the command line or the stand-in', () => {
    const files = [...sources(join(packed.installed, 'dist/index.js'))]
    const loaded = files.flatMap((file) => JSON.parse(readFileSync(`${file}.map`, 'utf8')).sources as string[])
    const ours = loaded.filter((source) => !source.includes('node_modules/'))
    const rooms = new Set(ours.flatMap((source) => /(?:^|\/)src\/([a-z-]+)\//.exec(source)?.[1] ?? []))
    expect(rooms).toEqual(new Set(['app', 'config', 'domain', 'fleet', 'gate', 'intake', 'queues', 'redis']))
    expect(
      loaded.filter((source) => /node_modules\/(undici|fastify|commander|prom-client|pino)\//.test(source)),
    ).toEqual([])
  })

  it('changes nothing when it is imported, and opens nothing when an enricher is made', async () => {
    expect(await packed.run('import.js', unchangedBy('chat-enricher'))).toBe('true\n')
    const made = "import { ChatEnricher } from 'chat-enricher'\nnew ChatEnricher()\nconsole.log('made')\n"
    expect(await packed.run('made.js', made)).toBe('made\n')
  })

  it('does not look at the environment', async () => {
    const text = `import { ChatEnricher } from 'chat-enricher'
const enricher = new ChatEnricher({ redisUrl: process.env.OURS })
console.log((await enricher.enqueue({ connectionId: '1' })).isNew)
await enricher.close()`
    const env = { OURS: world.redisUrl, REDIS_URL: 'redis://127.0.0.1:1', QUEUE_PREFIX: 'other', LOOKUP_QUEUE: 'other' }
    expect(await packed.run('environment.js', text, env)).toBe('true\n')
    expect(await world.redis.llen('bull:chat-lookups:wait')).toBe(1)
  })

  it("works beside the program's own BullMQ and ioredis, and can be required", async () => {
    const text = `import { Redis } from 'ioredis'
import { Queue } from 'bullmq'
import { createRequire } from 'node:module'
const { ChatEnricher, InvalidLookup } = createRequire(import.meta.url)('chat-enricher')
const connection = new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: null })
const queue = new Queue('chat-lookups', { connection })
const enricher = new ChatEnricher({ redisUrl: process.env.REDIS_URL })
const { lookupId } = await enricher.enqueue({ connectionId: '1' })
const job = await queue.getJob(lookupId)
const error = await enricher.enqueue({ connectionId: '' }).catch((reason) => reason)
await enricher.close()
console.log(job.data.connectionId, error instanceof InvalidLookup, await connection.ping())
await queue.close()
connection.disconnect()
`
    expect(await packed.run('beside.js', text, { REDIS_URL: world.redisUrl, NODE_NO_WARNINGS: '1' })).toBe(
      '1 true PONG\n',
    )
  })

  it('brings the JSON Schemas of both messages', async () => {
    const text = `import { createRequire } from 'node:module'
const require = createRequire(import.meta.url)
for (const name of ['lookup', 'result']) console.log(require('chat-enricher/schemas/' + name + '.json').title)`
    expect(await packed.run('schemas.js', text)).toMatch(/lookup job[^\n]*\n[^\n]*Result/i)
    expect(existsSync(join(packed.installed, 'schemas/result.json'))).toBe(true)
  })
})
