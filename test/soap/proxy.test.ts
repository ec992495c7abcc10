import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { proxyFor } from '../../src/soap/proxy.ts'
import { recording } from '../recordings/recording.ts'
import { clientFor, failureOf, listen, serve } from '../recordings/serve.ts'

const XML = { 'content-type': 'text/xml; charset=utf-8' }
const OK = recording('ok-soap11.res').body
const BASIC = `Basic ${Buffer.from('user:canary p@ss').toString('base64')}`

let folder: string
let tls: { key: string; cert: string }
let proxyTls: { key: string; cert: string }
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'soap-proxy-'))
  tls = selfSigned('service.example')
  proxyTls = selfSigned('localhost')
})

function selfSigned(host: string): { key: string; cert: string } {
  const [key, cert] = [join(folder, `${host}.key`), join(folder, `${host}.crt`)]
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30']
  const names = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`]
  execFileSync('openssl', [...request, ...names, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
}
afterAll(() => rmSync(folder, { recursive: true }))

/** A proxy that takes any name for this machine, and what it was asked. */
async function startProxy(status = 200, over: 'http' | 'https' = 'http') {
  const asked: string[] = []
  /** Names that TLS was asked for, and whether a certificate was shown. */
  const shown: unknown[] = []
  const sockets = new Set<net.Socket>()
  const server =
    over === 'https'
      ? https.createServer({ ...proxyTls, requestCert: true, rejectUnauthorized: false })
      : http.createServer()
  server.on('secureConnection', (socket: TLSSocket) => {
    shown.push([socket.servername, Object.keys(socket.getPeerCertificate()).length > 0])
  })
  server.on('request', (request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.host} ${request.headers['proxy-authorization']}`)
    if (status !== 200) return response.writeHead(status).end()
    const target = new URL(request.url ?? '')
    const { 'proxy-authorization': _ours, ...headers } = request.headers
    const options = { host: '127.0.0.1', port: target.port, path: target.pathname, method: 'POST', headers }
    return request.pipe(
      http.request(options, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      }),
    )
  })
  server.on('connect', (request, socket: net.Socket) => {
    asked.push(`${request.method} ${request.url} ${request.headers['proxy-authorization']}`)
    if (status !== 200) return socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`)
    const onward = net.connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      socket.pipe(onward).pipe(socket)
    })
    for (const end of [socket, onward]) sockets.add(end.on('error', () => undefined))
    return undefined
  })
  const url = await listen(server, () => {
    for (const socket of sockets) socket.destroy()
    server.closeAllConnections()
  })
  const address = over === 'https' ? `https://localhost:${new URL(url).port}` : url
  return { asked, shown, url: address.replace('://', '://user:canary%20p%40ss@') }
}

async function serveTls(): Promise<string> {
  const server = https.createServer(tls, (request, response) => {
    request.resume().on('end', () => response.writeHead(200, XML).end(OK))
  })
  server.on('tlsClientError', () => undefined)
  return (await listen(server, () => server.closeAllConnections(), 'https')).replace('127.0.0.1', 'service.example')
}

describe('through a proxy', () => {
  it('TLS goes by a tunnel, which is used again; the certificate is checked and told', async () => {
    const [endpoint, { asked, url }] = [await serveTls(), await startProxy()]
    const { client, events } = clientFor(endpoint, {
      proxy: { https: url },
      tls: () => ({ ca: tls.cert }),
      maxSockets: 1,
    })
    for (const id of ['1', '2', '3']) expect(await client.lookup(id)).toMatchObject({ status: 'enriched' })
    expect(asked).toEqual([`CONNECT service.example:${new URL(endpoint).port} ${BASIC}`])
    expect(events.some(({ type }) => type === 'tls-certificate-seen')).toBe(true)
  })

  it('a certificate that nobody vouches for holds the fleet', async () => {
    const { client } = clientFor(await serveTls(), { proxy: { https: (await startProxy()).url } })
    expect((await failureOf(client.lookup('1'))).failure).toMatchObject({ class: 'configuration', reason: 'tls' })
  })

  it('plain HTTP is handed to it whole', async () => {
    const endpoint = (await serve((_request, response) => response.writeHead(200, XML).end(OK))).replace(
      '127.0.0.1',
      'service.example',
    )
    const { asked, url } = await startProxy()
    const { client } = clientFor(endpoint, { proxy: { http: url } })
    expect(await client.lookup('1')).toMatchObject({ status: 'enriched' })
    expect(asked).toEqual([`POST ${endpoint} ${new URL(endpoint).host} ${BASIC}`])
  })

  it.each([
    [407, { class: 'configuration', reason: 'connect' }],
    [403, { class: 'configuration', reason: 'connect' }],
    [502, { class: 'transient', reason: 'connect' }],
    [504, { class: 'transient', reason: 'connect' }],
  ])('that answers %d, no tunnel comes about, and no password is told', async (status, expected) => {
    const { url } = await startProxy(status)
    const { client, events } = clientFor('https://service.example/x.asmx', { proxy: { https: url } })
    const error = await failureOf(client.lookup('1'))
    expect(error.failure).toMatchObject({ code: 'network', ...expected })
    expect(JSON.stringify([error, error.message, error.stack, events])).not.toMatch(/canary|Basic/)
  })

  it('that is not there is no connection', async () => {
    const { client } = clientFor('https://service.example/x.asmx', {
      proxy: { https: 'http://user:canary@127.0.0.1:1' },
    })
    const error = await failureOf(client.lookup('1'))
    expect(error.failure).toMatchObject({ code: 'network', class: 'transient', reason: 'connect' })
    expect(`${error.stack}`).not.toContain('canary')
  })

  it('that hangs is a timeout', async () => {
    const server = net.createServer((socket) => socket.on('error', () => undefined))
    const url = await listen(server, () => undefined)
    const { client } = clientFor('https://service.example/x.asmx', { proxy: { https: url }, callTimeoutMs: 80 })
    expect((await failureOf(client.lookup('1'))).failure).toMatchObject({ class: 'transient', reason: 'timeout' })
  })
})

/** By the packaged client, in a process that trusts the certificates of both. */
async function lookedUpApart(endpoint: string, proxy: object): Promise<string> {
  writeFileSync(join(folder, 'ca.pem'), tls.cert + proxyTls.cert)
  const settings = { endpoint, proxy, tls: { ca: tls.cert, ...tls } }
  const program = `
    import { DEFAULTS, SoapClient } from ${JSON.stringify(new URL('../../dist/soap/index.js', import.meta.url).href)}
    const { tls, ...settings } = JSON.parse(process.env.SETTINGS)
    const credentials = () => ({ publicKey1: '', encryptedUser: '', encryptedPassword: '', encryptedSignature: '' })
    const client = new SoapClient({ ...DEFAULTS, ...settings, tls: () => tls, credentials })
    process.stdout.write(await client.lookup('1').then(({ status }) => status, ({ message }) => message))
    await client.close()`
  const env = { ...process.env, SETTINGS: JSON.stringify(settings), NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') }
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { env })
  return stdout
}

describe('a proxy that speaks TLS itself', () => {
  const endpoints = {
    http: async () =>
      (await serve((_request, response) => response.writeHead(200, XML).end(OK))).replace(
        '127.0.0.1',
        'service.example',
      ),
    https: serveTls,
  }

  it.each(['http', 'https'] as const)(
    'is known by its own name to an %s:// endpoint, and is shown no certificate',
    async (scheme) => {
      const { asked, shown, url } = await startProxy(200, 'https')
      expect(await lookedUpApart(await endpoints[scheme](), { [scheme]: url })).toBe('enriched')
      expect(asked).toHaveLength(1)
      expect(shown).toEqual([['localhost', false]])
    },
  )

  it.each(['http', 'https'] as const)(
    'is not used before an %s:// endpoint with a certificate that nobody vouches for',
    async (scheme) => {
      const { asked, shown, url } = await startProxy(200, 'https')
      const { client } = clientFor(await endpoints[scheme](), {
        proxy: { [scheme]: url },
        tls: () => ({ ca: tls.cert, ...tls }),
      })
      expect((await failureOf(client.lookup('1'))).failure).toMatchObject({ class: 'configuration', reason: 'tls' })
      expect(shown.every((each) => `${each}` === 'localhost,false')).toBe(true)
      expect(asked).toEqual([])
    },
  )
})

describe('user and password', () => {
  const seen = async (userinfo: string) => {
    let authorization: string | undefined
    const endpoint = await serve((request, response) => {
      authorization = request.headers.authorization
      response.writeHead(200, XML).end(OK)
    })
    await clientFor(endpoint.replace('://', `://${userinfo}`)).client.lookup('1')
    return authorization && Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString()
  }
  it.each([
    ['', undefined],
    ['user:p@', 'user:p'],
    ['user@', 'user:'],
    [':p@', ':p'],
    ['us%20er:p%40%3A%C3%A9%25@', 'us er:p@:é%'],
    ['user:a:b@', 'user:a:b'],
  ])('of the endpoint (%s) are sent: %s', async (userinfo, expected) => {
    expect(await seen(userinfo)).toBe(expected)
  })

  it('of the endpoint do not go to the proxy in its own field, nor the proxy’s to the endpoint', async () => {
    let headers: http.IncomingHttpHeaders = {}
    const endpoint = await serve((request, response) => {
      headers = request.headers
      response.writeHead(200, XML).end(OK)
    })
    const { asked, url } = await startProxy()
    const named = endpoint.replace('127.0.0.1', 'ours:secret@service.example')
    expect(await clientFor(named, { proxy: { http: url } }).client.lookup('1')).toMatchObject({ status: 'enriched' })
    expect(asked).toEqual([expect.stringMatching(new RegExp(`${BASIC}$`))])
    expect(asked[0]).not.toContain('secret')
    expect(headers.authorization).toBe(`Basic ${Buffer.from('ours:secret').toString('base64')}`)
  })

  it.each(['user:100%@', 'us%er:p@', 'user:%ff@', 'user:%zz@'])(
    'with a %% that is no character (%s) are refused by name',
    (userinfo) => {
      expect(() => clientFor(`http://${userinfo}127.0.0.1:9/`)).toThrow(/^expected %25 for a %/)
      expect(() => proxyFor(new URL('http://a.example'), { http: `http://${userinfo}127.0.0.1:9/` })).toThrow(
        RangeError,
      )
    },
  )
})

describe('which proxy', () => {
  const both = { https: 'http://secure:1', http: 'http://plain:2' }
  it.each([
    ['https://a.example/', '', 'http://secure:1'],
    ['http://a.example/', '', 'http://plain:2'],
    ['http://localhost:8080/', '', undefined],
    ['http://127.0.0.1:8080/', '', undefined],
    ['http://[::1]/', '', undefined],
    ['https://a.example/', 'a.example', undefined],
    ['https://b.a.example/', 'x, a.example', undefined],
    ['https://b.a.example/', '.a.example', undefined],
    ['https://b.a.example/', '*.A.example', undefined],
    ['https://ba.example/', 'a.example', 'http://secure:1'],
    ['https://a.example/', 'a.example:443', undefined],
    ['https://a.example/', 'a.example:8443', 'http://secure:1'],
    ['https://a.example:8443/', 'a.example:8443', undefined],
    ['https://a.example/', '*', undefined],
    ['https://a.example/', ' , ', 'http://secure:1'],
  ])('for %s, but not for "%s": %s', (endpoint, except, expected) => {
    expect(proxyFor(new URL(endpoint), { ...both, except })?.origin).toBe(expected)
  })

  it('none that is no HTTP proxy, and its URL is not quoted', () => {
    for (const url of ['user:canary@x', 'socks5://user:canary@x']) {
      const choose = () => proxyFor(new URL('https://a.example'), { https: url })
      expect(choose).toThrow(RangeError)
      expect(choose).not.toThrow(/canary/)
    }
  })
})
