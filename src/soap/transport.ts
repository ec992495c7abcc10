/**
 * One HTTP POST: connection pool, deadlines, size limit, TLS. No retries, and redirects are not followed. The pool is
 * undici's; it is built anew when the TLS files change and every minute, and the old one finishes its calls and closes.
 */

import type { LookupFunction, Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { buildConnector, Pool } from 'undici'
import { fromIso, monotonic, type Signal } from '../clock.ts'
import { exchange, type HttpAnswer } from './exchange.ts'
import { basic, type ProxyServer, type ProxySettings, proxyFor, Tunnels, toProxy } from './proxy.ts'
import type { SoapRequest } from './request.ts'
import { mended } from './sockets.ts'

export interface TlsFiles {
  /** PEM texts. */
  ca?: string
  cert?: string
  key?: string
}

export interface TransportSettings {
  endpoint: string
  /** Milliseconds for the whole call: queueing for a socket, connect, headers and body. */
  callTimeoutMs: number
  connectTimeoutMs: number
  maxResponseBytes: number
  /** Read anew for every call. */
  tls?: () => TlsFiles
  /** The most calls on the way at one time; unset: no limit. */
  maxSockets?: number
  /** Unset: the endpoint is reached directly. */
  proxy?: ProxySettings
  /** Finds the endpoint's address at each new connection; unset: the system's resolver. */
  lookup?: LookupFunction
  /**
   * A connection is not used for longer than this, so that a change of address is noticed however busy it is; unset: a
   * minute.
   */
  socketLifeMs?: number
}

/** The HTTP client's default. With a longer time more calls would meet a socket that the server has just closed. */
const KEEP_ALIVE_MS = 4_000
/**
 * A busy socket would stay with the address that DNS gave when it was opened, so the pool is renewed. We
 * do that, because with undici's own `clientTtl` a call can wait for ever if connections are limited (7.30).
 */
const SOCKET_LIFE_MS = 60_000

export class Transport {
  readonly #settings: TransportSettings
  readonly #url: URL
  readonly #path: string
  /** User and password of the endpoint's URL. */
  readonly #authorization: string | null
  readonly #onCertificate: (expiresAt: number) => void
  readonly #closing = new Set<Promise<void>>()
  #tlsFiles: TlsFiles = {}
  #openedAt = 0
  readonly #proxy: ProxyServer | null
  #pool: Pool | undefined
  #tunnels: Tunnels | undefined
  #closed = false

  /** `onCertificate` is told the end of validity (ms since 1970) of the peer's certificate at every TLS connect. */
  constructor(settings: TransportSettings, onCertificate: (expiresAt: number) => void) {
    this.#settings = settings
    this.#url = new URL(settings.endpoint)
    this.#path = `${this.#url.pathname}${this.#url.search}`
    this.#authorization = basic(this.#url)
    this.#proxy = proxyFor(this.#url, settings.proxy ?? {})
    this.#onCertificate = onCertificate
  }

  /** Renews the pool if the TLS files have changed, or if it is old. Throws what reading the files throws. */
  refresh(): void {
    if (this.#closed) return
    const files = this.#settings.tls?.() ?? {}
    const age = monotonic() - this.#openedAt
    const isOld = age >= (this.#settings.socketLifeMs ?? SOCKET_LIFE_MS)
    if (this.#pool && !isOld && areSame(files, this.#tlsFiles)) return
    this.#retire()
    this.#tlsFiles = { ...files }
    this.#openedAt = monotonic()
    this.#pool = this.#newPool(files)
  }

  /** Rejects with the signal's reason if the caller's signal aborts; else with an error for `errorCode`. */
  async post({ headers, body }: SoapRequest, signal?: Signal): Promise<HttpAnswer> {
    if (!this.#pool) this.refresh()
    if (!this.#pool) throw new Error('closed')
    const to = this.#target(headers)
    const post = { method: 'POST' as const, path: to.path, headers: to.headers, body }
    return exchange(this.#pool, post, this.#settings.callTimeoutMs, signal)
  }

  /** GET, with this instead of the endpoint's query. */
  async get(query: string, signal?: Signal): Promise<HttpAnswer> {
    this.refresh()
    if (!this.#pool) throw new Error('closed')
    const { path, headers } = this.#target({ 'accept-encoding': 'identity', 'user-agent': 'chat-enricher' })
    const get = { method: 'GET' as const, path: `${path.replace(/\?.*$/s, '')}?${query}`, headers }
    return exchange(this.#pool, get, this.#settings.callTimeoutMs, signal)
  }

  /** Waits for the calls that are on the way; they have their own deadlines. */
  async close(): Promise<void> {
    this.#closed = true
    this.#retire()
    await Promise.all(this.#closing)
  }

  /** A proxy of plain HTTP is told the whole address (RFC 9112, 3.2.2). */
  #target(headers: SoapRequest['headers']) {
    const path = this.#path
    const ours = this.#authorization ? { ...headers, authorization: this.#authorization } : headers
    if (!this.#proxy || this.#tunnels) return { path, headers: ours }
    return {
      path: `${this.#url.origin}${path}`,
      headers: { ...ours, ...this.#proxy.headers, host: this.#url.host },
    }
  }

  #newPool(files: TlsFiles): Pool {
    const { callTimeoutMs, connectTimeoutMs, maxResponseBytes, maxSockets } = this.#settings
    const isTunnel = this.#proxy !== null && this.#url.protocol === 'https:'
    this.#tunnels = this.#proxy && isTunnel ? new Tunnels(this.#proxy, connectTimeoutMs) : undefined
    const proxy = isTunnel ? null : this.#proxy
    const seen = (socket: Socket) => this.#noteCertificate(socket)
    const connect = mended(proxy ? toProxy(connectTimeoutMs) : this.#toEndpoint(files), seen)
    return new Pool(proxy?.origin ?? this.#url.origin, {
      connect: this.#tunnels?.connector(connect) ?? connect,
      connections: maxSockets ?? null,
      // The call's own deadline comes first; these are a second line.
      headersTimeout: callTimeoutMs,
      bodyTimeout: callTimeoutMs,
      maxResponseSize: maxResponseBytes,
      keepAliveTimeout: KEEP_ALIVE_MS,
    })
  }

  #toEndpoint(files: TlsFiles): buildConnector.connector {
    const { connectTimeoutMs: timeout, lookup } = this.#settings
    return buildConnector({ ...files, rejectUnauthorized: true, timeout, ...(lookup && { lookup }) })
  }

  #noteCertificate(socket: Socket): void {
    const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined
    // The text is not ISO 8601 ("Nov 24 10:26:00 2027 GMT"), but the engine reads it.
    if (certificate) this.#onCertificate(fromIso(certificate.validTo))
  }

  #retire(): void {
    const old = this.#pool
    if (!old) return
    const tunnels = this.#tunnels
    this.#pool = undefined
    this.#tunnels = undefined
    const closed = old.close().then(() => tunnels?.close())
    const closing = closed.finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }
}

function areSame(one: TlsFiles, other: TlsFiles): boolean {
  return one.ca === other.ca && one.cert === other.cert && one.key === other.key
}
