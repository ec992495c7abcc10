/**
 * HTTP proxies, as the environment of a machine names them: which one stands before an endpoint, and how to get through
 * it. TLS goes through a tunnel (CONNECT), so the proxy sees host and port only; plain HTTP is handed to the proxy.
 */

import { buildConnector, Pool } from 'undici'

/** URLs with http:// or https://, user and password allowed. */
export interface ProxySettings {
  /** For https:// endpoints. */
  https?: string | null
  /** For http:// endpoints. */
  http?: string | null
  /**
   * Hosts to reach directly: `host`, `.domain` or `host:port`, with commas between; `*`: all. Loopback is always direct.
   */
  except?: string | null
}

export interface ProxyServer {
  origin: string
  headers: Record<string, string>
}

/** Error code of a proxy that does not let us through. */
export const PROXY_REFUSED = 'PROXY_REFUSED'
/** Statuses of the proxy that somebody has to mend. After any other the next try may get through. */
const REFUSALS = [400, 401, 403, 405, 407]

class ProxyFailure extends Error {
  readonly code: string
  constructor(code: string) {
    super('the proxy gave no connection')
    this.code = code
  }
}

/** Null: the endpoint is reached directly. Throws a RangeError that does not quote the URL, which may hold a password. */
export function proxyFor(endpoint: URL, settings: ProxySettings): ProxyServer | null {
  const address = endpoint.protocol === 'https:' ? settings.https : settings.http
  if (!address || isExempt(endpoint, settings.except ?? '')) return null
  if (!URL.canParse(address)) throw new RangeError('expected the URL of a proxy, got something else')
  const url = new URL(address)
  if (!/^https?:$/.test(url.protocol))
    throw new RangeError('expected a proxy with http:// or https://, got another scheme')
  const authorization = basic(url)
  return { origin: url.origin, headers: authorization ? { 'proxy-authorization': authorization } : {} }
}

/** Whether a proxy stands before the endpoint. */
export function isProxied(endpoint: string, settings: ProxySettings): boolean {
  return proxyFor(new URL(endpoint), settings) !== null
}

/** User and password of a URL, as they are sent; null if it has none. Throws a RangeError that quotes neither. */
export function basic({ username, password }: URL): string | null {
  if (username === '' && password === '') return null
  try {
    return `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`
  } catch {
    throw new RangeError('expected %25 for a % in the user or password of a URL, got a % alone')
  }
}

/**
 * Connects to the proxy itself. Over TLS the proxy's own name is checked; the HTTP client would check the name in the
 * `Host` header, which is the endpoint's. Our client certificate is for the endpoint alone.
 */
export function toProxy(timeoutMs: number): buildConnector.connector {
  const connect = buildConnector({ timeout: timeoutMs })
  return ({ servername: _ofEndpoint, ...options }, callback) => connect(options, callback)
}

function isExempt({ hostname, port, protocol }: URL, except: string): boolean {
  if (/^(?:localhost|127\.[\d.]+|\[::1\])$/.test(hostname)) return true
  const own = port || (protocol === 'https:' ? '443' : '80')
  return except
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      const [, host = '', only] = /^\*?\.?(.*?)(?::(\d+))?$/.exec(entry) ?? []
      if (entry === '*') return true
      return host !== '' && (only ?? own) === own && (hostname === host || hostname.endsWith(`.${host}`))
    })
}

/** Connections through CONNECT tunnels of one proxy. `connect` speaks TLS inside the tunnel. */
export class Tunnels {
  readonly #proxy: ProxyServer
  readonly #pool: Pool

  constructor(proxy: ProxyServer, timeoutMs: number) {
    this.#proxy = proxy
    this.#pool = new Pool(proxy.origin, { connect: toProxy(timeoutMs), headersTimeout: timeoutMs })
  }

  connector(connect: buildConnector.connector): buildConnector.connector {
    return (options, callback) => {
      this.#open(`${options.hostname}:${options.port || '443'}`).then(
        (httpSocket) => connect({ ...options, httpSocket }, callback),
        (error: Error) => callback(error, null),
      )
    }
  }

  async close(): Promise<void> {
    await this.#pool.close()
  }

  async #open(path: string) {
    const headers = { ...this.#proxy.headers, host: path }
    const { statusCode, socket } = await this.#pool.connect({ path, headers }).catch((error: Error) => {
      // Given another code, because the HTTP client would take it for the endpoint's certificate and try again without
      // end.
      if ('code' in error && error.code === 'ERR_TLS_CERT_ALTNAME_INVALID') throw new ProxyFailure(PROXY_REFUSED)
      throw error
    })
    if (statusCode >= 200 && statusCode < 300) return socket as import('node:net').Socket
    socket.on('error', () => undefined).destroy()
    throw new ProxyFailure(REFUSALS.includes(statusCode) ? PROXY_REFUSED : 'ECONNREFUSED')
  }
}
