/** Ways in which a set-up can be wrong, each with what `doctor` must say of it, and the servers that they need. */

import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect, createServer as createTcpServer, type Server as TcpServer } from 'node:net'
import type { TlsOptions } from 'node:tls'
import type { Check, FindingStatus } from '../../src/app/doctor.ts'
import { SOAP_SECRETS } from '../support/processes.ts'
import type { World } from '../support/world.ts'

export interface Seed {
  what: string
  check: Check
  status: FindingStatus
  says: RegExp
  /** What it says to do; else anything. */
  cure?: RegExp
  /** Makes it wrong; what it gives is added to the environment. */
  make(at: Place): Promise<Record<string, string>> | Record<string, string>
}

/** Where a seed works. Everything opened here is closed after it. */
export interface Place {
  world: World
  /** Redis by a relay that writes one text over another of the same length. */
  rewritten(from: string, to: string): Promise<string>
  /** A server before the stand-in: what `listener` does not answer goes there. Its endpoint. */
  front(
    tls: TlsOptions | null,
    listener?: (request: IncomingMessage, response: ServerResponse) => boolean,
  ): Promise<string>
  /** What is called when the seed is over. */
  undo(task: () => unknown): void
}

export class Places {
  readonly #world: World
  readonly #undo: (() => unknown)[] = []

  constructor(world: World) {
    this.#world = world
  }

  get place(): Place {
    return {
      world: this.#world,
      rewritten: async (from, to) => {
        const server = relay(Number(new URL(this.#world.redisUrl).port), from, to)
        return `redis://127.0.0.1:${await this.#listen(server)}`
      },
      front: async (tls, listener = () => false) => {
        const path = new URL(this.#world.standIn.url).pathname
        const server = before(this.#world, tls, listener)
        return `${tls ? 'https' : 'http'}://127.0.0.1:${await this.#listen(server)}${path}`
      },
      undo: (task) => void this.#undo.push(task),
    }
  }

  async end(): Promise<void> {
    for (const task of this.#undo.splice(0).reverse()) await task()
  }

  async #listen(server: Server | TcpServer): Promise<number> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    this.#undo.push(() => {
      server.close()
      if ('closeAllConnections' in server) server.closeAllConnections()
    })
    return (server.address() as AddressInfo).port
  }
}

function relay(port: number, from: string, to: string): TcpServer {
  return createTcpServer((client) => {
    const redis = connect(port, '127.0.0.1')
    client.on('error', () => {}).pipe(redis)
    redis.on('error', () => {})
    redis.on('data', (data) => client.write(Buffer.from(data.toString('latin1').replaceAll(from, to), 'latin1')))
    for (const [one, other] of [
      [client, redis],
      [redis, client],
    ] as const)
      one.once('close', () => other.destroy())
  })
}

function before({ standIn }: World, tls: TlsOptions | null, own: (i: IncomingMessage, o: ServerResponse) => boolean) {
  const listener: RequestListener = async (request, response) => {
    if (own(request, response)) return
    let body = ''
    for await (const part of request.setEncoding('utf8')) body += part
    const headers = Object.entries(request.headers).filter(([name]) => /^(content-type|soapaction)$/.test(name))
    const { method = 'GET', url = '' } = request
    const init = { method, headers: headers as [string, string][], ...(method === 'POST' ? { body } : {}) }
    const answer = await fetch(new URL(url, standIn.url), init)
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
    response.end(await answer.text())
  }
  const server = tls ? createTlsServer(tls, listener) : createServer(listener)
  return server.on('tlsClientError', () => {}).on('error', () => {})
}

/** Answers everything with this. */
export function says(status: number, body = '', headers: Record<string, string> = {}) {
  return (request: IncomingMessage, response: ServerResponse) => {
    request.resume()
    response.writeHead(status, { 'content-type': 'text/html', ...headers }).end(body)
    return true
  }
}

/** What the stand-in lets in. */
export const ACCEPTED = {
  publicKey1: SOAP_SECRETS.SOAP_PUBLIC_KEY_1,
  encryptedUser: SOAP_SECRETS.SOAP_ENCRYPTED_USER,
  encryptedPassword: SOAP_SECRETS.SOAP_ENCRYPTED_PASSWORD,
  encryptedSignature: SOAP_SECRETS.SOAP_ENCRYPTED_SIGNATURE,
}
export const PROBE = { SOAP_PROBE_CONNECTION_ID: 'canary-connection' }
const TEXT_XML = { 'content-type': 'text/xml' }

const config = (world: World, name: string, value: string, standard: string) => async (undo: Place['undo']) => {
  await world.redis.config('SET', name, value)
  undo(() => world.redis.config('SET', name, standard))
}

/** Of Redis. */
export const REDIS_SEEDS: Seed[] = [
  {
    what: 'a wrong password of Redis',
    check: 'redis-sign-in',
    status: 'fail',
    says: /refuses our user or password/,
    make: async ({ world, undo }) => {
      await config(world, 'requirepass', 'right', '')(undo)
      return { REDIS_URL: world.redisUrl.replace('//', '//:canary-wrong@') }
    },
  },
  {
    what: 'a Redis that is not there',
    check: 'redis-reached',
    status: 'fail',
    says: /nothing listens there \(ECONNREFUSED\)/,
    make: () => ({ REDIS_URL: 'redis://127.0.0.1:1' }),
  },
  {
    what: 'a Redis whose name nobody knows',
    check: 'redis-reached',
    status: 'fail',
    says: /name is not known here/,
    make: () => ({ REDIS_URL: 'redis://no-such-host.invalid:6379' }),
  },
  {
    what: 'TLS to a plain port of Redis',
    check: 'redis-reached',
    status: 'fail',
    says: /speaks no TLS/,
    make: ({ world }) => ({ REDIS_URL: world.redisUrl.replace('redis:', 'rediss:') }),
  },
  {
    what: 'a database that Redis has not',
    check: 'redis-reached',
    status: 'fail',
    says: /database/,
    make: ({ world }) => ({ REDIS_URL: `${world.redisUrl}/9999` }),
  },
  {
    what: 'a Redis that is too old',
    check: 'redis-version',
    status: 'fail',
    says: /it is Redis 5\.0/,
    make: async ({ world, rewritten }) => {
      const version = /redis_version:(\S+)/.exec(await world.redis.info('server'))?.[1] ?? ''
      const old = '5.0.14.1.2'.slice(0, version.length)
      return { REDIS_URL: await rewritten(`redis_version:${version}`, `redis_version:${old}`) }
    },
  },
  {
    what: 'an eviction policy that throws lookups away',
    check: 'redis-policy',
    status: 'fail',
    says: /allkeys-lru/,
    make: async ({ world, undo }) => {
      await config(world, 'maxmemory-policy', 'allkeys-lru', 'noeviction')(undo)
      return {}
    },
  },
  {
    what: 'no append-only file',
    check: 'redis-persistence',
    status: 'warn',
    says: /no append-only file/,
    make: async ({ world, undo }) => {
      await config(world, 'appendonly', 'no', 'yes')(undo)
      return {}
    },
  },
  {
    what: 'a disk that Redis cannot write',
    check: 'redis-persistence',
    status: 'fail',
    says: /could not save/,
    make: async ({ rewritten }) => ({
      REDIS_URL: await rewritten('aof_last_write_status:ok\r', 'aof_last_write_status:err'),
    }),
  },
  {
    what: 'too little memory for rate and retention',
    check: 'redis-need',
    status: 'warn',
    says: /50 lookups a second .* and it has 1000 MiB/,
    make: async ({ world, undo }) => {
      await config(world, 'maxmemory', '1000mb', '0')(undo)
      return {}
    },
  },
  {
    what: 'a Redis that is nearly full',
    check: 'redis-room',
    status: 'warn',
    says: /MiB are used/,
    make: async ({ world, undo }) => {
      const used = Number(/used_memory:(\d+)/.exec(await world.redis.info('memory'))?.[1])
      await config(world, 'maxmemory', String(Math.round(used * 1.15)), '0')(undo)
      return {}
    },
  },
  {
    what: 'a Redis that is full',
    check: 'redis-room',
    status: 'fail',
    says: /refuses writes/,
    make: async ({ world, undo }) => {
      await config(world, 'maxmemory', '1000', '0')(undo)
      return {}
    },
  },
  {
    what: 'a read-only replica',
    check: 'redis-role',
    status: 'fail',
    says: /read-only replica/,
    make: async ({ world, undo }) => {
      await world.redis.replicaof('127.0.0.1', '1')
      undo(() => world.redis.replicaof('NO', 'ONE'))
      return {}
    },
  },
  {
    what: 'an ACL without some commands',
    check: 'redis-rights',
    status: 'fail',
    says: /may not use .*HSET/,
    make: async ({ world }) => ({ REDIS_URL: await userWith(world, '~bull:*', '&bull:*', '+@all', '-hset', '-zadd') }),
  },
  {
    what: 'an ACL without some keys',
    check: 'redis-rights',
    status: 'fail',
    says: /may not use the keys bull:chat-results:\*/,
    make: async ({ world }) => {
      const keys = ['~bull:chat-lookups*', '~bull:chat-enricher:*', '&bull:*', '+@all']
      return { REDIS_URL: await userWith(world, ...keys) }
    },
  },
  {
    what: 'an ACL without channels',
    check: 'redis-rights',
    status: 'fail',
    says: /the channels bull:\*/,
    make: async ({ world }) => ({ REDIS_URL: await userWith(world, '~bull:*', 'resetchannels', '+@all') }),
  },
  {
    what: 'a node of a Cluster spoken to as a single Redis',
    check: 'redis-cluster',
    status: 'fail',
    says: /node of a Cluster/,
    make: async ({ rewritten }) => ({ REDIS_URL: await rewritten('cluster_enabled:0', 'cluster_enabled:1') }),
  },
  {
    what: 'hashes that take twice the memory',
    check: 'redis-hashes',
    status: 'warn',
    says: /twice the memory/,
    make: async ({ world, undo }) => {
      await config(world, 'hash-max-ziplist-value', '64', '2048')(undo)
      return {}
    },
  },
]

/** What is wrong with the place, though each part of it is right. */
export const PLACE_SEEDS: Seed[] = [
  {
    what: 'the number of another database',
    check: 'redis-database',
    status: 'warn',
    says: /not in database 3, and in database 0 .* they are/,
    make: async ({ world }) => {
      await world.queue('chat-lookups').waitUntilReady()
      return { REDIS_URL: `${world.redisUrl}/3` }
    },
  },
  {
    what: 'queues that are swapped',
    check: 'queues-swapped',
    status: 'fail',
    says: /chat-results is a queue of lookups here, and holds results/,
    make: async ({ world }) => {
      await world.queue('chat-results').add('enriched', {})
      return { LOOKUP_QUEUE: 'chat-results', RESULT_QUEUE: 'chat-lookups' }
    },
  },
  {
    what: 'a stream of results under the key of something else',
    check: 'result-stream',
    status: 'fail',
    says: /there as a hash/,
    make: async ({ world }) => {
      await world.redis.hset('others', 'a', '1')
      return { RESULT_STREAM: 'others' }
    },
  },
  {
    what: 'a Redis that lets hardly anybody in any more',
    check: 'redis-clients',
    status: 'warn',
    says: /of the 12 clients/,
    make: async ({ world, undo }) => {
      const used = Number(/^connected_clients:(\d+)/m.exec(await world.redis.info('clients'))?.[1])
      const spare = Array.from({ length: Math.max(0, 10 - used) }, () => world.redis.duplicate())
      undo(() => spare.map((one) => one.disconnect()))
      await Promise.all(spare.map((one) => one.ping()))
      await config(world, 'maxclients', '12', '1000')(undo)
      return {}
    },
  },
  {
    what: 'a snapshot that Redis could not write',
    check: 'redis-persistence',
    status: 'fail',
    says: /could not save/,
    make: async ({ rewritten }) => ({
      REDIS_URL: await rewritten('rdb_last_bgsave_status:ok\r', 'rdb_last_bgsave_status:err'),
    }),
  },
  {
    what: 'certificates that nobody checks',
    check: 'configuration',
    status: 'warn',
    says: /NODE_TLS_REJECT_UNAUTHORIZED is 0/,
    make: () => ({ NODE_TLS_REJECT_UNAUTHORIZED: '0' }),
  },
]

async function userWith({ redis, redisUrl }: World, ...rights: string[]): Promise<string> {
  await redis.call('ACL', 'SETUSER', 'limited', 'reset', 'on', '>canary-pw', 'resetchannels', ...rights)
  return redisUrl.replace('//', '//limited:canary-pw@')
}

/** Of the configuration. */
export const CONFIG_SEEDS: Seed[] = [
  of('a Cluster without a hash tag', 'configuration', 'fail', /hash tag/, {
    REDIS_CLUSTER_NODES: '127.0.0.1:1',
    QUEUE_PREFIX: 'plain',
  }),
  of(
    'a call longer than its attempt',
    'configuration',
    'fail',
    /SOAP_CALL_TIMEOUT_MS: expected at most LOOKUP_DEADLINE_MS/,
    {
      SOAP_CALL_TIMEOUT_MS: '9000',
      LOOKUP_DEADLINE_MS: '5000',
    },
  ),
  of('a stop that cuts calls off', 'times', 'warn', /SHUTDOWN_TIMEOUT_MS/, { SHUTDOWN_TIMEOUT_MS: '1000' }),
  of('lookups that expire in their first attempt', 'times', 'warn', /LOOKUP_EXPIRY_MS/, { LOOKUP_EXPIRY_MS: '1000' }),
  of('rechecks that never end', 'times', 'warn', /NOT_FOUND_RECHECK/, {
    NOT_FOUND_RECHECK: '1m,1h',
    LOOKUP_EXPIRY_MS: '60000',
  }),
  of('a burst above the calls in flight', 'limits', 'warn', /RATE_LIMIT_BURST 50/, {
    RATE_LIMIT_BURST: '50',
    MAX_CALLS_IN_FLIGHT: '40',
  }),
  of('a burst of ten seconds', 'limits', 'warn', /ten seconds/, { RATE_LIMIT_BURST: '1000' }),
  of('more slots than calls in flight', 'limits', 'warn', /36 slots/, { MAX_CALLS_IN_FLIGHT: '4' }),
  of('a quota that the rate cannot reach', 'limits', 'warn', /cannot be reached/, { QUOTA_CALLS: '9000000' }),
  of('a quota that is gone at once', 'limits', 'warn', /hundredth/, { QUOTA_CALLS: '100' }),
  of('a variable with a typo', 'unknown-variable', 'warn', /RATE_LIMIT_PER_SEC: .*RATE_LIMIT_PER_SECOND/, {
    RATE_LIMIT_PER_SEC: '5',
  }),
  of('a secret in a file that cannot be read', 'configuration', 'fail', /SOAP_ENCRYPTED_USER_FILE.*ENOENT/, {
    SOAP_ENCRYPTED_USER: '',
    SOAP_ENCRYPTED_USER_FILE: '/no/such/file',
  }),
  of('tokens in a file that cannot be read', 'configuration', 'fail', /API_TOKENS_FILE.*ENOENT/, {
    API_TOKENS_FILE: '/no/such/file',
  }),
  of('a credential that is missing', 'configuration', 'fail', /SOAP_PUBLIC_KEY_1.*not set/, { SOAP_PUBLIC_KEY_1: '' }),
  of('a credential with a blank', 'credentials', 'warn', /SOAP_ENCRYPTED_USER begins or ends with a blank/, {
    SOAP_ENCRYPTED_USER: 'canary-user ',
  }),
  of('a credential in the place of another', 'credentials', 'warn', /SOAP_ENCRYPTED_USER, SOAP_ENCRYPTED_PASSWORD/, {
    SOAP_ENCRYPTED_USER: 'canary-password',
  }),
]

function of(what: string, check: Check, status: FindingStatus, says: RegExp, env: Record<string, string>): Seed {
  return { what, check, status, says, make: () => env }
}

/** Of the service, without TLS. */
export const SERVICE_SEEDS: Seed[] = [
  of('a service whose name nobody knows', 'service-reached', 'fail', /name is not known here/, {
    SOAP_ENDPOINT: 'http://no-such-host.invalid/x.asmx',
  }),
  of('a service that is not there', 'service-reached', 'fail', /nothing listens there/, {
    SOAP_ENDPOINT: 'http://127.0.0.1:1/x.asmx',
  }),
  {
    what: 'a path that there is not',
    check: 'service-wsdl',
    status: 'fail',
    says: /404.*there is no such path/,
    make: ({ world }) => ({ SOAP_ENDPOINT: `${world.standIn.origin}/other.asmx` }),
  },
  {
    what: 'a service that has moved',
    check: 'service-wsdl',
    status: 'fail',
    says: /302.*redirect/,
    make: async ({ front }) => ({ SOAP_ENDPOINT: await front(null, says(302, '', { location: '/login' })) }),
  },
  {
    what: 'a service that lets nobody in',
    check: 'service-wsdl',
    status: 'fail',
    says: /403.*refused/,
    make: async ({ front }) => ({ SOAP_ENDPOINT: await front(null, says(403)) }),
  },
  {
    what: 'a page instead of a service',
    check: 'service-wsdl',
    status: 'fail',
    says: /HTML page/,
    make: async ({ front }) => ({ SOAP_ENDPOINT: await front(null, says(200, '<!DOCTYPE html><html><p>x</html>')) }),
  },
  {
    what: 'another service',
    check: 'service-wsdl',
    status: 'fail',
    says: /no operation GetChatRequestByConnectionId/,
    make: async ({ world, front }) => {
      const wsdl = (await (await fetch(`${world.standIn.url}?WSDL`)).text()).replaceAll(
        'GetChatRequestBy',
        'GetOrderBy',
      )
      return { SOAP_ENDPOINT: await front(null, says(200, wsdl, TEXT_XML)) }
    },
  },
  {
    what: 'a service without SOAP 1.2',
    check: 'service-wsdl',
    status: 'fail',
    says: /SOAP 1\.1, and SOAP_VERSION is 1\.2/,
    make: async ({ world, front }) => {
      const wsdl = (await (await fetch(`${world.standIn.url}?WSDL`)).text()).replaceAll('wsdl/soap12/', 'wsdl/soap/')
      return { SOAP_ENDPOINT: await front(null, says(200, wsdl, TEXT_XML)), SOAP_VERSION: '1.2' }
    },
  },
  {
    what: 'an endpoint that goes on behind .asmx',
    check: 'service-wsdl',
    status: 'fail',
    says: /something follows \.asmx/,
    make: ({ world }) => ({ SOAP_ENDPOINT: `${world.standIn.url}/GetChatRequestByConnectionId` }),
  },
  {
    what: 'a service whose clock is a day off',
    check: 'service-clock',
    status: 'warn',
    says: /1440 min behind/,
    make: async ({ front }) => {
      const date = new Date(Date.now() - 86_400_000).toUTCString()
      return { SOAP_ENDPOINT: await front(null, says(200, '', { date })) }
    },
  },
  {
    what: 'a service that shows no WSDL, and answers',
    check: 'service-wsdl',
    status: 'warn',
    says: /404.*yet it answers calls/,
    make: async ({ front }) => {
      const hidden = says(404)
      return {
        ...PROBE,
        SOAP_ENDPOINT: await front(null, (asked, answer) => asked.method === 'GET' && hidden(asked, answer)),
      }
    },
  },
  {
    what: 'a proxy that empties SOAPAction',
    check: 'service-answers',
    status: 'fail',
    says: /blames the request/,
    make: async ({ front }) => ({
      ...PROBE,
      SOAP_ENDPOINT: await front(null, (request) => {
        request.headers.soapaction = ''
        return false
      }),
    }),
  },
  {
    ...of('a proxy that is not there', 'service-reached', 'fail', /through the proxy.*nothing listens/, {
      SOAP_ENDPOINT: 'http://service.example/x.asmx',
      HTTP_PROXY: 'http://127.0.0.1:1',
    }),
    cure: /host and port in HTTPS_PROXY or HTTP_PROXY/,
  },
  {
    what: 'a proxy that wants a password',
    check: 'service-reached',
    status: 'fail',
    says: /through the proxy.*lets us not through/,
    make: async ({ front, undo }) => {
      const proxy = createServer().on('connect', (_, socket) =>
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'),
      )
      await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
      undo(() => proxy.close())
      await front(null)
      const { port } = proxy.address() as AddressInfo
      return { SOAP_ENDPOINT: 'https://service.example/x.asmx', HTTPS_PROXY: `http://canary:canary@127.0.0.1:${port}` }
    },
  },
  refused('401', /HTTP 401/),
  refused('client-fault', /blames the request/),
  refused({ responseCode: 9 }, /responseCode 9, which is in none of SOAP_\*_CODES/),
  {
    what: 'two credentials that are swapped',
    check: 'service-answers',
    status: 'fail',
    says: /responseCode 9/,
    make: ({ world }) => {
      world.standIn.set({ credentials: ACCEPTED })
      const { SOAP_ENCRYPTED_USER: user, SOAP_ENCRYPTED_PASSWORD: password } = SOAP_SECRETS
      return { ...PROBE, SOAP_ENCRYPTED_USER: password, SOAP_ENCRYPTED_PASSWORD: user }
    },
  },
  {
    what: 'a login page before the calls',
    check: 'service-answers',
    status: 'fail',
    says: /call failed/,
    make: async ({ front }) => {
      const login = says(200, '<!DOCTYPE html><html><form>Sign in</form></html>')
      return {
        ...PROBE,
        SOAP_ENDPOINT: await front(null, (request, response) => request.method === 'POST' && login(request, response)),
      }
    },
  },
  {
    what: 'a response code that nobody has listed',
    check: 'response-codes',
    status: 'warn',
    says: /responseCode 7/,
    make: ({ world }) => {
      world.standIn.set({ answers: [chatWith(7)] })
      return PROBE
    },
  },
  {
    what: 'a response code that is missing in SOAP_ENRICHED_CODES',
    check: 'response-codes',
    status: 'warn',
    says: /responseCode 7.*beside a ChatRequest/,
    make: ({ world }) => {
      world.standIn.set({ answers: [chatWith(7)] })
      return { ...PROBE, SOAP_ENRICHED_CODES: '0' }
    },
  },
]

function refused(refuse: '401' | 'client-fault' | { responseCode: number }, says: RegExp): Seed {
  const what = `credentials that are refused by ${typeof refuse === 'string' ? refuse : 'a response code'}`
  const make = ({ world }: Place) => {
    world.standIn.set({ credentials: { ...ACCEPTED, encryptedUser: 'another' }, refuse })
    return PROBE
  }
  return { what, check: 'service-answers', status: 'fail', says, make }
}

function chatWith(responseCode: number) {
  const response = { responseCode, responseDescription: 'canary-description', encryptedSymmetrickey: null }
  return { id: PROBE.SOAP_PROBE_CONNECTION_ID, result: { response, ChatRequest: CHAT } }
}

const AT = '2024-03-15T10:46:15'
const CHAT = {
  IdRequest: 1,
  CaseNumber: 1,
  CreationDate: AT,
  IdQueue: 1,
  KeepAliveRouterDate: AT,
  AssignAgentRouterDate: AT,
  IdConnection: 1,
  IdRequestTransfer: 0,
  UserName: 'canary-name',
  UserLastName: 'canary-last-name',
  UserEmail: 'canary@example.com',
  UserOffsetTime: 0,
  EncryptedChatRequestId: 'x',
}
