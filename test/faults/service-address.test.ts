import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Environment } from '../support/processes.ts'
import { type ScriptedService, startScriptedService } from '../support/scripted-service.ts'
import { costsNothing, UNFORGIVING } from './outage.ts'
import { type Rig, type RigWorker, startRig, until } from './rig.ts'

const PATCH = fileURLToPath(new URL('address.mjs', import.meta.url))
/** What a connection is used for at most. */
const SOCKET_LIFE_MS = 60_000

let folder: string
let rig: Rig
let elsewhere: ScriptedService
let start: (env?: Environment) => Promise<RigWorker>

/** Another address, and so much later. */
function move(address: string, later: number): void {
  const file = join(folder, 'address')
  writeFileSync(`${file}.new`, `${address} ${later}`)
  renameSync(`${file}.new`, file)
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'faults-address-'))
  move('127.0.0.1', 0)
  rig = await startRig({ workers: 0 })
  const { port } = new URL(rig.service.url)
  elsewhere = await startScriptedService({ host: '127.0.0.2', port: Number(port) })
  const SOAP_ENDPOINT = rig.service.url.replace('127.0.0.1', 'service.example')
  const patched = { NODE_OPTIONS: `--import ${PATCH}`, ADDRESS_FILE: join(folder, 'address') }
  start = (env) => rig.startWorker({ ...UNFORGIVING, ...patched, SOAP_ENDPOINT, ...env })
})
afterEach(async () => {
  await rig.close()
  await elsewhere.close()
  rmSync(folder, { recursive: true })
})

describe('a service whose address changes', () => {
  // Fails without: src/soap/transport.ts: the age of the pool in `refresh`.
  it('is asked at the new one within a minute, also over a connection that is never idle; no lookup pays', async () => {
    await start({ CONCURRENCY: '1' })
    await rig.enqueue(300)
    await until('it is asked', () => rig.service.calls.length > 10)
    move('127.0.0.2', 0)
    const { length } = rig.service.calls
    await until('it is still asked where it was', () => rig.service.calls.length > length + 10)
    expect(elsewhere.calls).toEqual([])
    move('127.0.0.2', SOCKET_LIFE_MS)
    await until('it is asked elsewhere', () => elsewhere.calls.length > 0)
    const asked = rig.service.calls.length
    await until('it is asked elsewhere again', () => elsewhere.calls.length > 10)
    expect(rig.service.calls.length).toBe(asked)
    rig.service.latencyMs = elsewhere.latencyMs = 0
    expect(await rig.auditor.complete()).toMatchObject({ lost: [], duplicates: [], notEnriched: [] })
  })

  // Fails without: src/worker/charge.ts: what failed before a hold is free.
  it('while the old one is there no more, is asked at the new one as soon as it has it; no lookup pays', async () => {
    await start()
    await costsNothing(rig, { begin: () => rig.service.refuse(), end: () => move('127.0.0.2', 0) })
    expect(elsewhere.calls.length).toBeGreaterThanOrEqual(60)
  })
})
