import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Authority } from '../support/authority.ts'
import { run, SOAP_SECRETS } from '../support/processes.ts'
import { startWorld, type World } from '../support/world.ts'

let world: World
let folder: string
let authority: Authority
beforeAll(async () => {
  world = await startWorld()
  folder = mkdtempSync(join(tmpdir(), 'chat-enricher-old-tls-'))
  authority = new Authority(folder)
})
afterAll(async () => {
  await world.close()
  rmSync(folder, { recursive: true })
})

/** A server that speaks nothing newer, and answers everybody with 503. */
async function startOldServer(maxVersion: 'TLSv1' | 'TLSv1.1'): Promise<Server> {
  const old = { minVersion: 'TLSv1', maxVersion, ciphers: 'DEFAULT@SECLEVEL=0' } as const
  const server = createServer({ ...authority.issue(maxVersion), ...old }, (request, response) => {
    request.resume()
    response.writeHead(503).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

/** What docs/configuration.md sets for such a service. */
function cure(): string {
  const docs = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
  return /NODE_OPTIONS='([^']+)'/.exec(docs)?.[1] ?? ''
}

describe.each(['TLSv1', 'TLSv1.1'] as const)('a service that speaks %s alone', (version) => {
  it('is reached with the cure that the docs name, and not without it', async () => {
    const server = await startOldServer(version)
    const { port } = server.address() as AddressInfo
    const endpoint = `https://127.0.0.1:${port}/x.asmx`
    const env = { ...world.env, ...SOAP_SECRETS, SOAP_ENDPOINT: endpoint, SOAP_CA_FILE: authority.file }
    const failure = async (more: Record<string, string>) => {
      await world.redis.flushall() // a hold of the call before
      return JSON.parse((await run(['lookup', '12345'], { ...env, ...more })).stdout).failure
    }
    try {
      expect(await failure({})).toMatchObject({ code: 'network' })
      expect(await failure({ NODE_OPTIONS: cure() })).toMatchObject({ code: 'http-status', httpStatus: 503 })
    } finally {
      server.close()
    }
  })
})
