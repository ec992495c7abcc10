import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { recording } from '../../test/recordings/recording.ts'
import { clientFor, failureOf, listen, serve } from '../../test/recordings/serve.ts'
import { startRefusingServer } from '../../test/support/refusing-tls.ts'
import type { TlsFiles } from './transport.ts'

const OK = recording('ok-soap11.res').body
const CONFIGURATION = { code: 'network', class: 'configuration', reason: 'tls' }

let folder: string
let service: { key: string; cert: string }
let elsewhere: { key: string; cert: string }
let ours: { key: string; cert: string }
let expired: { key: string; cert: string }

/** A new self-signed certificate for a name or address. */
function selfSigned(name: string, subjectAltName: string): { key: string; cert: string } {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)]
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30']
  const names = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${subjectAltName}`]
  execFileSync('openssl', [...request, ...names, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
}

function resignedUntilYesterday({ key, cert }: { key: string; cert: string }): { key: string; cert: string } {
  const file = join(folder, 'expired.key')
  const args = ['x509', '-signkey', file, '-days', '-1']
  return { key, cert: execFileSync('openssl', args, { input: cert, stdio: 'pipe', encoding: 'utf8' }) }
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'soap-tls-'))
  service = selfSigned('service', 'IP:127.0.0.1')
  elsewhere = selfSigned('elsewhere', 'DNS:elsewhere.example')
  expired = resignedUntilYesterday(selfSigned('expired', 'IP:127.0.0.1'))
  ours = selfSigned('ours', 'DNS:chat-enricher.example')
})
afterAll(() => rmSync(folder, { recursive: true }))

function serveTls(options: https.ServerOptions): Promise<string> {
  const server = https.createServer(options, (request, response) => {
    request.resume().on('end', () => response.writeHead(200, { 'content-type': 'text/xml' }).end(OK))
  })
  server.on('tlsClientError', () => undefined)
  return listen(server, () => server.closeAllConnections(), 'https')
}

/** Not one text for all of them: each has another cure. */
const withCode = (code: RegExp) => ({ ...CONFIGURATION, message: expect.stringMatching(code) })

describe('TLS', () => {
  it.each<[string, RegExp, () => https.ServerOptions, () => TlsFiles]>([
    ['a certificate that nobody vouches for', /\(DEPTH_ZERO_SELF_SIGNED_CERT\)$/, () => service, () => ({})],
    ['one of another host', /\(ERR_TLS_CERT_ALTNAME_INVALID\)$/, () => elsewhere, () => ({ ca: elsewhere.cert })],
    ['one that has expired', /\(CERT_HAS_EXPIRED\)$/, () => expired, () => ({ ca: expired.cert })],
    [
      'another authority',
      /\((?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN)\)$/,
      () => service,
      () => ({ ca: ours.cert }),
    ],
    [
      'TLS 1.1 at most',
      /\(ERR_SSL_[\w/]+\)$/,
      () => ({ ...service, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
      () => ({ ca: service.cert }),
    ],
    [
      'no cipher in common',
      /\(ERR_SSL_[\w/]+\)$/,
      () => ({ ...service, maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' }),
      () => ({ ca: service.cert }),
    ],
    [
      'our certificate, which is not shown',
      /\(ERR_SSL_[\w/]+\)$/,
      () => ({ ...service, ca: ours.cert, requestCert: true }),
      () => ({ ca: service.cert }),
    ],
    [
      'our key, which is not the certificate’s',
      /\(ERR_OSSL_\w+\)$/,
      () => service,
      () => ({ ca: service.cert, cert: ours.cert, key: elsewhere.key }),
    ],
  ])('says which of the causes it is: %s', async (_name, code, server, files) => {
    const { client } = clientFor(await serveTls(server()), { tls: files })
    const error = await failureOf(client.lookup('1'))
    expect(error.failure).toMatchObject(withCode(code))
    expect(`${error.failure.message}${error.message}`).not.toMatch(/CN=|elsewhere|CERTIFICATE-|\/tmp/)
  })

  it('a certificate that nobody vouches for holds the fleet', async () => {
    const { client, events } = clientFor(await serveTls(service))
    expect((await failureOf(client.lookup('1'))).failure).toMatchObject(CONFIGURATION)
    expect(events.at(-1)).toMatchObject({ type: 'call-finished', outcome: 'network' })
  })

  it('is trusted with `ca`, and tells when the certificate ends', async () => {
    const { client, events } = clientFor(await serveTls(service), { tls: () => ({ ca: service.cert }) })
    expect(await client.lookup('1')).toMatchObject({ status: 'enriched' })
    expect(await client.lookup('2')).toMatchObject({ status: 'enriched' })
    const seen = events.filter((event) => event.type === 'tls-certificate-seen')
    expect(seen).toHaveLength(1)
    const days = ((seen[0]?.expiresAt ?? 0) - Date.now()) / 86_400_000
    expect(days).toBeGreaterThan(29)
    expect(days).toBeLessThan(31)
  })

  it('the certificate of another host holds the fleet', async () => {
    const { client } = clientFor(await serveTls(elsewhere), { tls: () => ({ ca: elsewhere.cert }) })
    expect((await failureOf(client.lookup('1'))).failure).toMatchObject(CONFIGURATION)
  })

  it('takes new files with the next call, and closes the old connections', async () => {
    const endpoint = await serveTls(service)
    let files: TlsFiles = { ca: elsewhere.cert }
    const { client } = clientFor(endpoint, { tls: () => files })
    expect((await failureOf(client.lookup('1'))).failure).toMatchObject(CONFIGURATION)
    files = { ca: service.cert }
    expect(await client.lookup('2')).toMatchObject({ status: 'enriched' })
    files = { ca: elsewhere.cert }
    expect((await failureOf(client.lookup('3'))).failure).toMatchObject(CONFIGURATION)
  })

  it('shows our certificate to a service that asks for it', async () => {
    const endpoint = await serveTls({ ...service, ca: ours.cert, requestCert: true, rejectUnauthorized: true })
    const with_ = (files: TlsFiles) => clientFor(endpoint, { tls: () => ({ ca: service.cert, ...files }) }).client
    expect(await with_(ours).lookup('1')).toMatchObject({ status: 'enriched' })
    expect((await failureOf(with_(elsewhere).lookup('1'))).failure.code).toBe('network')
    expect((await failureOf(with_({}).lookup('1'))).failure.code).toBe('network')
  })

  // Fails without: src/soap/sockets.ts: endForGood.
  it('our certificate refused by an alert after the handshake holds the fleet', async () => {
    const cert = join(folder, 'service.crt')
    const server = await startRefusingServer({ cert, key: join(folder, 'service.key'), ca: cert })
    onTestFinished(() => server.close())
    const { client } = clientFor(`https://127.0.0.1:${server.port}/x.asmx`, {
      tls: () => ({ ca: service.cert, ...ours }),
    })
    expect((await failureOf(client.lookup('1'))).failure).toMatchObject(CONFIGURATION)
  })

  it.each([
    ['text that is no certificate', () => ({ cert: 'no', key: 'no' })],
    ['a key of another certificate', () => ({ cert: ours.cert, key: elsewhere.key })],
  ])('our own files with %s hold the fleet', async (_name, files) => {
    const { client } = clientFor(await serveTls(service), { tls: () => ({ ca: service.cert, ...files() }) })
    expect((await failureOf(client.lookup('1'))).failure).toMatchObject(CONFIGURATION)
  })

  it('asked of a server that has none holds the fleet', async () => {
    const endpoint = (await serve(() => undefined)).replace('http:', 'https:')
    expect((await failureOf(clientFor(endpoint).client.lookup('1'))).failure).toMatchObject(CONFIGURATION)
  })
})
