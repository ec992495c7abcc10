import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { certificatesInWords } from '../../src/fleet/certificates.ts'
import { Fleet } from '../../src/fleet/members.ts'
import { clientFor, failureOf } from '../recordings/serve.ts'
import { heldBytes } from '../soap/heap.ts'
import { Authority, type Issued } from '../support/authority.ts'
import { startRefusingServer } from '../support/refusing-tls.ts'
import { startScriptedService } from '../support/scripted-service.ts'
import { NAMES } from '../support/world.ts'
import { costsNothing, PATIENT, UNFORGIVING } from './outage.ts'
import { startProxy, type TcpProxy } from './proxy.ts'
import { isShort, type Rig, startRig } from './rig.ts'

let folder: string
let authority: Authority
let stranger: Authority
let good: Issued

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'faults-tls-'))
  authority = new Authority(folder)
  stranger = new Authority(folder, 'stranger')
  good = authority.issue('service')
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('a service whose certificate', () => {
  let running: Rig
  beforeAll(async () => {
    running = await startRig({ workers: 1, tls: good, env: { ...UNFORGIVING, SOAP_CA_FILE: authority.file } })
  })
  afterAll(() => running.close())

  // Fails without: src/soap/transport.ts: rejectUnauthorized.
  it.each<[string, () => Issued]>([
    ['has expired', () => authority.issue('expired', { days: -1 })],
    ['is of an authority that we do not trust', () => stranger.issue('untrusted')],
    ['is of another host', () => authority.issue('elsewhere', { host: 'DNS:elsewhere.example' })],
  ])('%s is held for, and asked again once it shows a better one; no lookup pays', async (_name, issue) => {
    await costsNothing(running, {
      begin: () => running.service.showCertificate(issue()),
      end: () => running.service.showCertificate(good),
      reason: 'configuration',
    })
    const expiry = () => running.metric('tls_certificate_expiry_timestamp_seconds')
    await expect.poll(expiry, PATIENT).toBeGreaterThan(Date.now() / 1000)
    const { host } = new URL(running.service.url)
    const told = async () => certificatesInWords(await new Fleet(running.redis, NAMES).members(), Date.now())
    await expect.poll(told, PATIENT).toMatchObject([{ host, says: expect.stringContaining('certificate of') }])
  })

  it.skipIf(isShort)('is refused a thousand times leaves nothing in memory', async () => {
    const service = await startScriptedService({ tls: authority.issue('refused', { host: 'DNS:elsewhere.example' }) })
    onTestFinished(() => service.close())
    const { client, events } = clientFor(service.url, { tls: () => ({ ca: authority.cert }) })
    const refused = async (times: number) => {
      for (let left = times; left > 0; left--) {
        const { failure } = await failureOf(client.lookup('1'))
        expect(failure).toMatchObject({ class: 'configuration', reason: 'tls' })
      }
      events.length = 0
    }
    await refused(100)
    const before = heldBytes()
    await refused(1000)
    expect(heldBytes() - before).toBeLessThan(2_000_000)
    expect(service.connections).toBe(1100)
    expect(service.calls).toEqual([])
  })
})

describe('our certificate', () => {
  let rig: Rig
  /** Where the worker's calls go. */
  const target = { port: 0 }
  let between: TcpProxy
  const show = (issued: Partial<Issued>) => {
    if (issued.key) writeFileSync(join(folder, 'shown.key'), issued.key)
    if (issued.cert) writeFileSync(join(folder, 'shown.crt'), issued.cert)
  }

  beforeAll(async () => {
    show(authority.issue('ours'))
    rig = await startRig({
      workers: 0,
      tls: { ...good, ca: authority.cert, requestCert: true, rejectUnauthorized: true },
      env: { ...UNFORGIVING, SOAP_CA_FILE: authority.file },
    })
    target.port = Number(new URL(rig.service.url).port)
    between = await startProxy(target)
    await rig.startWorker({
      SOAP_ENDPOINT: rig.service.url.replace(/:\d+/, `:${between.port}`),
      SOAP_CLIENT_CERT_FILE: join(folder, 'shown.crt'),
      SOAP_CLIENT_KEY_FILE: join(folder, 'shown.key'),
    })
  })
  afterAll(async () => {
    await rig.close()
    await between.close()
  })

  // Fails without: src/soap/socket-errors.ts: ERR_OSSL_
  it('with its new key there, and the new certificate not yet: is held for until both are; no lookup pays', async () => {
    const next = authority.issue('next')
    await costsNothing(rig, {
      begin: () => show({ key: next.key }),
      end: () => show({ cert: next.cert }),
      reason: 'configuration',
    })
  })

  // Fails without: src/worker/charge.ts: what failed before a hold is free.
  it('that the service refuses without a word is held for until it is exchanged; no lookup pays', async () => {
    await costsNothing(rig, {
      begin: () => show(stranger.issue('not-taken')),
      end: () => show(authority.issue('taken')),
    })
  })

  // Fails without: src/soap/socket-errors.ts: ERR_SSL_
  it('that the service refuses by an alert is held for until it takes it; no lookup pays', async () => {
    const files = { cert: join(folder, 'service.crt'), key: join(folder, 'service.key'), ca: stranger.file }
    const refusing = await startRefusingServer(files)
    onTestFinished(() => refusing.close())
    const servicePort = target.port
    await costsNothing(rig, {
      begin: () => {
        target.port = refusing.port
        between.cut()
      },
      end: () => {
        target.port = servicePort
      },
      reason: 'configuration',
    })
  })
})
