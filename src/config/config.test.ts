import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type AllConfig, ConfigError, loadConfig } from './config.ts'
import { VARIABLES, type Variable } from './table.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'chat-enricher-config-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function fileWith(text: string, name = `secret-${Math.random()}`): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

function problemsOf(...args: Parameters<typeof loadConfig>): string[] {
  try {
    loadConfig(...args)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  throw new Error('expected a ConfigError, got none')
}

const SECRETS = {
  SOAP_PUBLIC_KEY_1: 'soapPublicKey1',
  SOAP_ENCRYPTED_USER: 'soapEncryptedUser',
  SOAP_ENCRYPTED_PASSWORD: 'soapEncryptedPassword',
  SOAP_ENCRYPTED_SIGNATURE: 'soapEncryptedSignature',
} as const
const PROXIES = ['HTTPS_PROXY', 'HTTP_PROXY'] as const
const wholeNumber = (min: number, max: number, unit = '') =>
  `a whole number${unit && ` of ${unit}`} from ${min} to ${max}`
const ms = (min: number, max = 2 ** 31 - 1) => wholeNumber(min, max, 'milliseconds')
const YEAR = 366 * 86_400_000
const QUEUE = 'a queue name without colons, other than chat-enricher'
const CODES = 'a list of response codes (32-bit integers), as 3 or 3,17,-1'

/** Name, default, a good value and what it becomes, bad values, what an error says was expected. */
const CASES: [name: string, standard: unknown, good: [string, unknown][], bad: string[], expected: string][] = [
  [
    'REDIS_SENTINELS',
    null,
    [
      [
        'a:26379, 10.0.0.1:1',
        [
          { host: 'a', port: 26_379 },
          { host: '10.0.0.1', port: 1 },
        ],
      ],
      ['[::1]:26379', [{ host: '::1', port: 26_379 }]],
    ],
    ['a', 'a:0', 'a:65536', 'redis://a:1', 'a:1,', 'user@a:1'],
    'a list of host:port, with commas between',
  ],
  ['REDIS_SENTINEL_MASTER', null, [['mymaster', 'mymaster']], ['my master'], 'a name without spaces'],
  [
    'REDIS_CLUSTER_NODES',
    null,
    [['a:7000', [{ host: 'a', port: 7000 }]]],
    ['a', 'a:x'],
    'a list of host:port, with commas between',
  ],
  ['QUEUE_PREFIX', 'bull', [['{ce}', '{ce}']], ['a b'], 'a text without spaces'],
  ['LOOKUP_QUEUE', 'chat-lookups', [['in', 'in']], ['a:b', 'a b', 'chat-enricher'], QUEUE],
  ['INTERACTIVE_QUEUE', 'chat-lookups-interactive', [['now', 'now']], ['a:b'], QUEUE],
  ['RESULT_QUEUE', 'chat-results', [['out', 'out']], ['a:b'], QUEUE],
  ['RESULT_STREAM', null, [['bull:all', 'bull:all']], ['a b'], 'a key without spaces'],
  ['RESULT_STREAM_MAXLEN', 100_000, [['1', 1]], ['0'], wholeNumber(1, 1_000_000_000)],
  [
    'SOAP_ENDPOINT',
    null,
    [['https://crm.example/x.asmx', 'https://crm.example/x.asmx']],
    ['crm.example/x.asmx', 'ftp://crm.example/', 'http:crm.example'],
    'a URL with http:// or https://',
  ],
  ['QUOTA_CALLS', null, [['100000', 100_000]], ['1.5', 'x'], 'a whole number from 1 to 1000000000, or none'],
  ['QUOTA_PERIOD', 86_400_000, [['90s', 90_000]], ['1', '1w', '0s', '400d'], 'a duration as 30s, 15m, 6h or 1d'],
  [
    'INTERACTIVE_SHARE',
    0.2,
    [
      ['.5', 0.5],
      ['0', 0],
    ],
    ['1.1', '-0.1', 'x'],
    'a number from 0 to 1',
  ],
  ['NOT_FOUND_RECHECK', null, [['5s, 2m', [5000, 120_000]]], ['5', '5s,'], 'a list of durations, as 5s,30s,2m'],
  ['BREAKER_FAILURE_RATIO', 0.5, [['0.9', 0.9]], ['0', '2'], 'a number from 0.01 to 1'],
  ['BREAKER_MIN_CALLS', 20, [['5', 5]], ['0'], wholeNumber(1, 100_000)],
  ['BREAKER_WINDOW_MS', 10_000, [['500', 500]], ['99'], ms(100, 3_600_000)],
  ['HOLD_MIN_MS', 1000, [['20', 20]], ['9', '1s'], ms(10, 3_600_000)],
  ['HOLD_MAX_MS', 15_000, [['2000', 2000]], ['3600001'], ms(10, 3_600_000)],
  ['COALESCE', true, [['false', false]], ['no', '1'], 'true or false'],
  ['NOT_FOUND_GUARD', true, [['false', false]], ['no', '1'], 'true or false'],
  ['CACHE_TTL_MS', 0, [['60000', 60_000]], ['-1', '86400001'], ms(0, 86_400_000)],
  ['RESULT_BACKLOG_LIMIT', 100_000, [['none', null]], ['x'], 'a whole number from 1 to 1000000000, or none'],
  ['SOAP_VERSION', '1.1', [['1.2', '1.2']], ['2', '1.10'], '1.1 or 1.2'],
  ['SOAP_CALL_TIMEOUT_MS', 10_000, [['300000', 300_000]], ['0', '1.5', '10s', '-1', '300001'], ms(1, 300_000)],
  ['SOAP_CONNECT_TIMEOUT_MS', 3000, [['1', 1]], ['0', '1e3'], ms(1, 300_000)],
  ['SOAP_MAX_RESPONSE_BYTES', 1_048_576, [['1024', 1024]], ['1023', '2097153'], wholeNumber(1024, 2_097_152, 'bytes')],
  ['NO_PROXY', null, [['.internal,crm.example:8443', '.internal,crm.example:8443']], [], 'a list of hosts'],
  ['SOAP_ENRICHED_CODES', null, [['0', new Set([0])]], ['', ' ', 'a'].slice(1), CODES],
  ['SOAP_NOT_FOUND_CODES', null, [['3, 17,-1', new Set([3, 17, -1])]], ['3;4', '3,'], CODES],
  ['SOAP_RETRY_CODES', null, [['-2147483648', new Set([-(2 ** 31)])]], ['2147483648', '1.5'], CODES],
  ['SOAP_HOLD_CODES', null, [['2147483647', new Set([2 ** 31 - 1])]], ['0x1'], CODES],
  [
    'SOAP_PROBE_CONNECTION_ID',
    null,
    [[' 007 ', ' 007 ']],
    ['x'.repeat(257), 'a\u0000'],
    'a connection id of 1 to 256 characters, none of them a control character',
  ],
  [
    'CONCURRENCY',
    32,
    [
      ['0', 0],
      ['1000', 1000],
    ],
    ['1001', '-1', 'many'],
    wholeNumber(0, 1000),
  ],
  ['INTERACTIVE_CONCURRENCY', 4, [['0', 0]], ['1001'], wholeNumber(0, 1000)],
  [
    'RATE_LIMIT_PER_SECOND',
    50,
    [
      ['none', null],
      ['0.5', 0.5],
      ['100000', 100_000],
    ],
    ['0.0001', '100001', '1e2', 'unlimited', '-1'],
    'a number from 0.001 to 100000, or none',
  ],
  ['RATE_LIMIT_BURST', 1, [['10', 10]], ['0'], wholeNumber(1, 100_000)],
  [
    'MAX_CALLS_IN_FLIGHT',
    null,
    [
      ['none', null],
      ['8', 8],
    ],
    ['1.5'],
    'a whole number from 1 to 100000, or none',
  ],
  ['CALL_RETRIES', 2, [['0', 0]], ['21'], wholeNumber(0, 20)],
  ['LOOKUP_ATTEMPTS', 5, [['1', 1]], ['0'], wholeNumber(1, 1000)],
  ['LOOKUP_BACKOFF_MIN_MS', 1000, [['1', 1]], ['0'], ms(1)],
  ['LOOKUP_BACKOFF_MAX_MS', 300_000, [['1000', 1000]], ['0'], ms(1)],
  ['LOOKUP_DEADLINE_MS', 25_000, [['600000', 600_000]], ['600001'], ms(1, 600_000)],
  ['LOOKUP_EXPIRY_MS', 604_800_000, [['1000', 1000]], ['999'], ms(1000, YEAR)],
  ['WEBHOOK_CONCURRENCY', 4, [['1', 1]], ['0'], wholeNumber(1, 100)],
  ['RETRY_AFTER_MAX_MS', 3_600_000, [['0', 0]], ['1h'], ms(0)],
  ['NOTIFY_MIN_GAP_MS', 300_000, [['1000', 1000]], ['999'], ms(1000, 86_400_000)],
  ['RESULT_KEEP_MS', 600_000, [['1000', 1000]], ['0'], ms(1000, 86_400_000)],
  ['RESULT_MARKER_TTL_MS', 604_800_000, [['100000', 100_000]], ['0'], ms(65_000, YEAR)],
  ['LOOKUP_RETENTION_MS', 86_400_000, [['1000', 1000]], ['0'], ms(1000, YEAR)],
  ['DEAD_LETTER_RETENTION_MS', 2_592_000_000, [['1000', 1000]], ['31622400001'], ms(1000, YEAR)],
  ['DRAIN_TARGET_MS', 300_000, [['1000', 1000]], ['999', '86400001'], ms(1000, 86_400_000)],
  ['SHUTDOWN_TIMEOUT_MS', 25_000, [['0', 0]], ['3600001'], ms(0, 3_600_000)],
  ['METRICS_HOST', '0.0.0.0', [['::1', '::1']], ['a host'], 'a host name or an address'],
  ['METRICS_PORT', 9464, [['0', 0]], ['65536'], wholeNumber(0, 65_535)],
  ['API_PORT', 8080, [['0', 0]], ['65536'], wholeNumber(0, 65_535)],
  [
    'API_HOST',
    '127.0.0.1',
    [
      ['::1', '::1'],
      ['localhost', 'localhost'],
    ],
    ['a host'],
    'a host name or an address',
  ],
  ['API_REQUESTS_PER_SECOND', 200, [['1', 1]], ['0', 'none'], wholeNumber(1, 1_000_000)],
  ['LOG_LEVEL', 'info', [['debug', 'debug']], ['INFO'], 'trace or debug or info or warn or error or fatal or silent'],
  ['LOG_FORMAT', null, [['pretty', 'pretty']], ['text'], 'json or pretty'],
]

/** What a good value cannot do without. */
const COMPANIONS: Record<string, Record<string, string>> = {
  REDIS_SENTINELS: { REDIS_SENTINEL_MASTER: 'mymaster' },
  REDIS_SENTINEL_MASTER: { REDIS_SENTINELS: 'a:1' },
}

function keyOf(name: string): keyof AllConfig {
  const found = Object.entries(VARIABLES).find(([, variable]) => variable.name === name)
  return found?.[0] as keyof AllConfig
}

describe('each variable', () => {
  it('stands in one of the tables of this file', () => {
    const files = ['SOAP_CA_FILE', 'SOAP_CLIENT_CERT_FILE', 'SOAP_CLIENT_KEY_FILE']
    const here = [
      ...CASES.map(([name]) => name),
      ...Object.keys(SECRETS),
      ...files,
      ...PROXIES,
      'REDIS_URL',
      'REDIS_SENTINEL_PASSWORD',
      'API_TOKENS', // in tokens.test.ts
      'NOTIFY_URL',
      'HEARTBEAT_URL',
      'WEBHOOK_URL',
      'WEBHOOK_SECRET',
    ]
    expect(here.sort()).toEqual(
      Object.values(VARIABLES)
        .map(({ name }) => name)
        .sort(),
    )
  })

  it('NOTIFY_URL and HEARTBEAT_URL are read, and nothing of them is shown', () => {
    const { config, settings } = loadConfig({ NOTIFY_URL: 'https://chat/token', HEARTBEAT_URL: 'http://beat/token' })
    expect([config.notifyUrl?.(), config.heartbeatUrl?.()]).toEqual(['https://chat/token', 'http://beat/token'])
    expect(JSON.stringify(settings)).not.toContain('token')
    const problems = problemsOf({ NOTIFY_URL: 'ftp://chat/token', HEARTBEAT_URL: 'token' }).join()
    expect(problems).toMatch(/NOTIFY_URL: expected a URL with https.*HEARTBEAT_URL: expected a URL with https/s)
    expect(problems).not.toContain('token')
  })

  it('WEBHOOK_URL and WEBHOOK_SECRET are read, and nothing of a bad one is shown', () => {
    const { config, settings } = loadConfig({
      WEBHOOK_URL: 'https://me:pw@crm/token',
      WEBHOOK_SECRET: 'whsec_c2VjcmV0',
    })
    expect([config.webhookUrl?.(), config.webhookSecret?.()]).toEqual(['https://me:pw@crm/token', 'whsec_c2VjcmV0'])
    expect(JSON.stringify(settings)).not.toMatch(/pw|token|c2VjcmV0/)
    const problems = problemsOf({ WEBHOOK_URL: 'ftp://crm/token', WEBHOOK_SECRET: 'whsec_no base64' }).join()
    expect(problems).toMatch(/WEBHOOK_URL: expected a URL with https.*WEBHOOK_SECRET: expected whsec_ and base64/s)
    expect(problems).not.toMatch(/crm|no base64$/)
  })

  it.each(CASES)('%s has its default, also where it is set to nothing', (name, standard) => {
    expect(loadConfig({}).config[keyOf(name)]).toEqual(standard)
    expect(loadConfig({ [name]: '' }).config[keyOf(name)]).toEqual(standard)
  })

  it.each(CASES)('%s takes a good value, from the environment and from a flag', (name, _, good) => {
    for (const [text, value] of good) {
      const companion = COMPANIONS[name] ?? {}
      expect(loadConfig({ ...companion, [name]: text }).config[keyOf(name)]).toEqual(value)
      expect(loadConfig({ ...companion }, { [name]: text }).config[keyOf(name)]).toEqual(value)
    }
  })

  it.each(CASES)(
    '%s says of a bad value what was expected and what it got',
    (name, _standard, _good, bad, expected) => {
      for (const text of bad) {
        const [problem, ...more] = problemsOf({ [name]: text })
        const said = `${name}: expected ${expected}, got ${JSON.stringify(text.slice(0, 80))}`
        expect([problem?.slice(0, said.length), ...more]).toEqual([said])
        expect(problem?.slice(said.length)).toMatch(/^$|^ \([^()]+\)$/)
      }
    },
  )

  it.each(['RATE_LIMIT_PER_SECOND', 'MAX_CALLS_IN_FLIGHT'])('%s of 0 says how to stop instead', (name) => {
    expect(problemsOf({ [name]: '0' })[0]).toMatch(
      /, got "0" \(0 would stop all calls; for that there is chat-enricher hold\)$/,
    )
  })

  it.each([['SOAP_CA_FILE', 'soapCaFile']] as const)('%s is read, and missed where it cannot be', (name, key) => {
    expect(loadConfig({ [name]: fileWith('-----BEGIN') }).config[key]?.()).toBe('-----BEGIN')
    expect(problemsOf({ [name]: '/no/such/file' })).toEqual([
      `${name}: expected the path of a file that can be read, got "/no/such/file" (ENOENT)`,
    ])
  })
})

describe('a secret', () => {
  it.each(Object.entries(SECRETS))('%s comes from the environment or from a file, and is never shown', (name, key) => {
    const direct = loadConfig({ [name]: 'canary' })
    const fromFile = loadConfig({ [`${name}_FILE`]: fileWith('canary\n') })
    for (const { config, settings } of [direct, fromFile]) {
      expect(config[key]?.()).toBe('canary')
      expect(JSON.stringify(settings)).not.toContain('canary')
    }
    expect(fromFile.settings.find((setting) => setting.name === name)?.source).toBe('file')
  })

  it('loses exactly one newline at the end of its file, LF or CRLF', () => {
    const read = (text: string) => loadConfig({ SOAP_PUBLIC_KEY_1_FILE: fileWith(text) }).config.soapPublicKey1?.()
    expect(['k\n', 'k\r\n', 'k\n\n', ' k ', 'k'].map(read)).toEqual(['k', 'k', 'k\n', ' k ', 'k'])
  })

  it('given twice is an error, unless a flag stands above the environment', () => {
    const both = { SOAP_PUBLIC_KEY_1: 'canary', SOAP_PUBLIC_KEY_1_FILE: fileWith('canary') }
    expect(problemsOf(both)).toEqual([
      'SOAP_PUBLIC_KEY_1: expected one of SOAP_PUBLIC_KEY_1 and SOAP_PUBLIC_KEY_1_FILE, got both',
    ])
    const flags = { SOAP_PUBLIC_KEY_1_FILE: fileWith('from the flag') }
    expect(loadConfig(both, flags).config.soapPublicKey1?.()).toBe('from the flag')
  })

  it('whose file is missing or empty is a problem that names variable and file', () => {
    expect(problemsOf({ SOAP_PUBLIC_KEY_1_FILE: '/no/such/file' })).toEqual([
      'SOAP_PUBLIC_KEY_1: expected the path of a file that can be read in SOAP_PUBLIC_KEY_1_FILE, got "/no/such/file" (ENOENT)',
    ])
    expect(problemsOf({ SOAP_PUBLIC_KEY_1_FILE: fileWith('\n') })).toEqual([
      'SOAP_PUBLIC_KEY_1: expected its value, or the path of a file with it in SOAP_PUBLIC_KEY_1_FILE, ' +
        'got an empty file',
    ])
  })

  it('is read again when its file has changed, and stays while the file is gone or empty', () => {
    let time = 0
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => time)
    try {
      const path = fileWith('first')
      const secret = loadConfig({ SOAP_PUBLIC_KEY_1_FILE: path }).config.soapPublicKey1
      const afterASecond = () => {
        time += 1001
        return secret?.()
      }
      expect(afterASecond()).toBe('first')
      writeFileSync(path, 'second, longer\n')
      expect(afterASecond()).toBe('second, longer')
      writeFileSync(path, '')
      expect(afterASecond()).toBe('second, longer')
      rmSync(path)
      expect(afterASecond()).toBe('second, longer')
      writeFileSync(path, 'third')
      expect(afterASecond()).toBe('third')
    } finally {
      clock.mockRestore()
    }
  })
})

describe('a proxy', () => {
  it.each(PROXIES)('%s is a URL, and its password is never shown', (name) => {
    const given = 'http://user:canary@proxy.example:3128'
    const { config, settings } = loadConfig({ [name]: given })
    expect(config[keyOf(name)]).toBe(given)
    expect(JSON.stringify(settings)).not.toContain('canary')
    for (const bad of ['user:canary@proxy.example:3128', 'socks5://user:canary@proxy.example']) {
      const problems = problemsOf({ [name]: bad })
      expect(problems).toEqual([expect.stringContaining(`${name}: expected a URL with http:// or https://`)])
      expect(problems.join()).not.toContain('canary')
    }
  })
})

describe('REDIS_URL', () => {
  const shown = (url: string) => loadConfig({ REDIS_URL: url }).settings.find(({ name }) => name === 'REDIS_URL')?.shown

  it('is shown without its password, whatever that contains and wherever it stands', () => {
    expect(shown('redis://host:6379/2')).toBe('redis://host:6379/2')
    expect(shown('redis://:canary@host')).toBe('redis://:********@host')
    expect(shown('rediss://user:can@ary@host:1')).toBe('rediss://user:********@host:1')
    expect(shown('redis://host?password=canary&db=1')).toBe('redis://host?password=********&db=1')
  })

  it('that is none is a problem that does not show it', () => {
    const got = {
      'host:6379': 'no scheme: try redis://…',
      '127.0.0.1:6379': 'no scheme: try redis://…',
      'redis:host': 'no scheme: try redis://…',
      'http://:canary@host': 'another scheme',
      'redis://:can/ary@host': 'no URL',
      'redis://host/canary': 'a path that is no number of a database, as in redis://host:6379/2',
      'rediss:///run/redis.sock': 'a path that is no number of a database, as in redis://host:6379/2',
      'redis://host/-1': 'a path that is no number of a database, as in redis://host:6379/2',
      'redis://host?db=canary': 'a path that is no number of a database, as in redis://host:6379/2',
    }
    for (const [bad, problem] of Object.entries(got)) {
      expect(problemsOf({ REDIS_URL: bad })).toEqual([
        `REDIS_URL: expected a URL with redis:// or rediss://, got ${problem}`,
      ])
    }
  })

  it('comes from REDIS_URL_FILE too, which may be wrong as well', () => {
    expect(loadConfig({ REDIS_URL_FILE: fileWith('redis://:canary@host\n') }).config.redisUrl()).toBe(
      'redis://:canary@host',
    )
    expect(problemsOf({ REDIS_URL_FILE: fileWith('canary') })).toEqual([
      'REDIS_URL: expected a URL with redis:// or rediss://, got no scheme: try redis://…',
    ])
  })

  it('by flag stands above a file in the environment', () => {
    const { config } = loadConfig({ REDIS_URL_FILE: fileWith('redis://env') }, { REDIS_URL: 'redis://flag' })
    expect(config.redisUrl()).toBe('redis://flag')
  })

  it('is read again when its file changes, and stays what it was while that holds something else', () => {
    const time = vi.spyOn(performance, 'now')
    const later = performance.now()
    const path = fileWith('redis://:old@host')
    const { redisUrl } = loadConfig({ REDIS_URL_FILE: path }).config
    writeFileSync(path, 'redis://:half')
    time.mockReturnValue(later + 2_000)
    expect(redisUrl()).toBe('redis://:old@host')
    writeFileSync(path, 'redis://:newer@host')
    time.mockReturnValue(later + 4_000)
    expect(redisUrl()).toBe('redis://:newer@host')
    time.mockRestore()
  })
})

describe('Sentinel and Cluster', () => {
  const cluster = { REDIS_CLUSTER_NODES: 'a:1,b:2' }
  const sentinels = { REDIS_SENTINELS: 'a:1', REDIS_SENTINEL_MASTER: 'mymaster' }

  it.each(['bull', '{}', 'a{}b{c}', '}a{', '{a'])(
    'a Cluster is refused the prefix %j, which spreads the keys',
    (prefix) => {
      expect(problemsOf({ ...cluster, QUEUE_PREFIX: prefix })).toEqual([
        'QUEUE_PREFIX: expected a hash tag, as {chat}, beside REDIS_CLUSTER_NODES, so that all keys lie on one node; ' +
          `got ${JSON.stringify(prefix)}`,
      ])
    },
  )

  it('a Cluster takes one with a hash tag, wherever that stands', () => {
    for (const prefix of ['{chat}', 'a{b}c'])
      expect(loadConfig({ ...cluster, QUEUE_PREFIX: prefix }).config.prefix).toBe(prefix)
  })

  it.each([
    [
      { REDIS_SENTINELS: 'a:1' },
      'REDIS_SENTINELS: expected it together with REDIS_SENTINEL_MASTER, got one without the other',
    ],
    [
      { REDIS_SENTINEL_MASTER: 'm' },
      'REDIS_SENTINELS: expected it together with REDIS_SENTINEL_MASTER, got one without the other',
    ],
    [
      { REDIS_SENTINEL_PASSWORD: 'canary' },
      'REDIS_SENTINEL_PASSWORD: expected it together with REDIS_SENTINELS, got it alone',
    ],
    [
      { ...sentinels, ...cluster, QUEUE_PREFIX: '{a}' },
      'REDIS_SENTINELS: expected it or REDIS_CLUSTER_NODES, got both: a Cluster has no sentinels',
    ],
    [
      { ...cluster, QUEUE_PREFIX: '{a}', REDIS_URL: 'redis://:canary@any/2' },
      'REDIS_URL: expected no database beside REDIS_CLUSTER_NODES (a Cluster has one alone), got one',
    ],
  ])('%j makes no sense', (env, problem) => {
    expect(problemsOf(env)).toEqual([problem])
  })

  it('the password of the sentinels is a secret', () => {
    const { config, settings } = loadConfig({ ...sentinels, REDIS_SENTINEL_PASSWORD: 'canary' })
    expect(config.redisSentinelPassword?.()).toBe('canary')
    expect(JSON.stringify(settings)).not.toContain('canary')
    expect(
      loadConfig({ ...sentinels, REDIS_SENTINEL_PASSWORD_FILE: fileWith('c\n') }).config.redisSentinelPassword?.(),
    ).toBe('c')
  })
})

describe('the password of any other URL', () => {
  it('is not shown either', () => {
    const { settings } = loadConfig({ SOAP_ENDPOINT: 'https://user:canary@crm.example/x.asmx' })
    expect(JSON.stringify(settings)).not.toContain('canary')
    expect(problemsOf({ SOAP_ENDPOINT: 'ftp://user:canary@crm.example' }).join()).not.toContain('canary')
    expect(problemsOf({ SOAP_ENDPOINT: 'https://user:can/ary@crm.example' }).join()).not.toContain('ary')
  })
})

describe('the configuration', () => {
  it('tells all that is wrong at once, a line each, cross checks included', () => {
    const env = {
      CONCURRENCY: 'x',
      LOG_LEVEL: 'loud',
      LOOKUP_BACKOFF_MIN_MS: '2000',
      LOOKUP_BACKOFF_MAX_MS: '1000',
    }
    expect(problemsOf(env, {}, ['endpoint', 'soap']).map((problem) => problem.split(':')[0])).toEqual([
      'SOAP_ENDPOINT',
      ...Object.keys(SECRETS),
      'CONCURRENCY',
      'LOG_LEVEL',
      'LOOKUP_BACKOFF_MIN_MS',
    ])
  })

  it('misses what is required only where it is needed', () => {
    expect(loadConfig({}).config.soapEndpoint).toBeNull()
    expect(problemsOf({}, {}, ['endpoint', 'soap'])[0]).toBe(
      'SOAP_ENDPOINT: expected a URL with http:// or https://; it is not set',
    )
    expect(problemsOf({}, {}, ['endpoint', 'soap'])[1]).toBe(
      'SOAP_PUBLIC_KEY_1: expected its value, or the path of a file with it in SOAP_PUBLIC_KEY_1_FILE; it is not set',
    )
  })

  it.each([
    [
      { LOOKUP_QUEUE: 'a', RESULT_QUEUE: 'a' },
      'LOOKUP_QUEUE, INTERACTIVE_QUEUE, RESULT_QUEUE: expected three different names, got the same one twice',
    ],
    [
      { REDIS_CLUSTER_NODES: 'redis:6379', QUEUE_PREFIX: '{chat}', RESULT_STREAM: 'results' },
      'RESULT_STREAM: expected the hash tag of QUEUE_PREFIX beside REDIS_CLUSTER_NODES, as {chat}:results, ' +
        'so that it lies on the same node; got "results"',
    ],
    [
      { RESULT_STREAM: 'bull:chat-results:events' },
      'RESULT_STREAM: expected a key of its own, as chat-results-stream, got "bull:chat-results:events", which lies among the keys of a queue',
    ],
    [
      { RESULT_MARKER_TTL_MS: '65000', LOOKUP_DEADLINE_MS: '100000' },
      'RESULT_MARKER_TTL_MS: expected at least 215000, the time in which a lookup whose worker died is run again, ' +
        'or it could have two results; got 65000',
    ],
    [
      { SOAP_CALL_TIMEOUT_MS: '25001', LOOKUP_DEADLINE_MS: '25000' },
      'SOAP_CALL_TIMEOUT_MS: expected at most LOOKUP_DEADLINE_MS (25000), got 25001',
    ],
    [
      { SOAP_CONNECT_TIMEOUT_MS: '10001', SOAP_CALL_TIMEOUT_MS: '10000' },
      'SOAP_CONNECT_TIMEOUT_MS: expected at most SOAP_CALL_TIMEOUT_MS (10000), got 10001',
    ],
    [
      { SOAP_CONNECT_TIMEOUT_MS: '10001', LOOKUP_DEADLINE_MS: '10000' },
      'SOAP_CONNECT_TIMEOUT_MS: expected at most LOOKUP_DEADLINE_MS (10000), got 10001',
    ],
    [
      { LOOKUP_BACKOFF_MIN_MS: '300001', LOOKUP_BACKOFF_MAX_MS: '300000' },
      'LOOKUP_BACKOFF_MIN_MS: expected at most LOOKUP_BACKOFF_MAX_MS (300000), got 300001',
    ],
    [{ HOLD_MIN_MS: '20000', HOLD_MAX_MS: '15000' }, 'HOLD_MIN_MS: expected at most HOLD_MAX_MS (15000), got 20000'],
    [
      { CONCURRENCY: '0', INTERACTIVE_CONCURRENCY: '0' },
      'CONCURRENCY: expected CONCURRENCY or INTERACTIVE_CONCURRENCY above 0, got 0 for both',
    ],
    [
      { SOAP_RETRY_CODES: '1,2', SOAP_HOLD_CODES: '2' },
      'SOAP_*_CODES: expected each response code in one list only, got one in several',
    ],
  ])('%j does not agree with itself', (env, problem) => {
    expect(problemsOf(env)).toEqual([problem])
  })

  it('wants a client certificate together with its key', () => {
    const problem = 'SOAP_CLIENT_CERT_FILE: expected it together with SOAP_CLIENT_KEY_FILE, got one without the other'
    const file = fileWith('pem')
    expect(problemsOf({ SOAP_CLIENT_CERT_FILE: file })).toEqual([problem])
    expect(problemsOf({ SOAP_CLIENT_KEY_FILE: file })).toEqual([problem])
    expect(loadConfig({ SOAP_CLIENT_CERT_FILE: file, SOAP_CLIENT_KEY_FILE: file }).config.soapClientKeyFile?.()).toBe(
      'pem',
    )
  })

  it('says of each value where it comes from, flags above the environment', () => {
    const { settings } = loadConfig({ CONCURRENCY: '1', CALL_RETRIES: '1' }, { CONCURRENCY: '2' })
    const of = (wanted: string) => settings.find(({ name }) => name === wanted)
    expect(of('CONCURRENCY')).toEqual({ name: 'CONCURRENCY', shown: '2', source: 'flag' })
    expect(of('CALL_RETRIES')).toEqual({ name: 'CALL_RETRIES', shown: '1', source: 'environment' })
    expect(of('LOG_LEVEL')).toEqual({ name: 'LOG_LEVEL', shown: 'info', source: 'default' })
    expect(of('SOAP_ENDPOINT')).toEqual({ name: 'SOAP_ENDPOINT', shown: '', source: 'not set' })
  })

  it('cannot be changed', () => {
    const config = loadConfig({}).config as { concurrency: number }
    expect(() => {
      config.concurrency = 1
    }).toThrow(TypeError)
  })
})

describe('a default follows what was set', () => {
  const NUMBERS = CASES.filter(([, , , , expected]) => /number/.test(expected)).map(
    ([name, , , , expected]) => [name, ...(expected.match(/\d[\d.]*/g) ?? [])] as [string, string, string],
  )
  const timesOf = (env: Record<string, string>) => {
    const { soapConnectTimeoutMs, soapCallTimeoutMs, lookupDeadlineMs } = loadConfig(env).config
    return [soapConnectTimeoutMs, soapCallTimeoutMs, lookupDeadlineMs]
  }

  it.each(NUMBERS)('%s can be set alone to %s and to %s', (name, least, most) => {
    for (const value of [least, most]) expect(loadConfig({ [name]: value }).settings).not.toEqual([])
  })

  it.each<[Record<string, string>, number[]]>([
    [{}, [3000, 10_000, 25_000]],
    [{ SOAP_CALL_TIMEOUT_MS: '2000' }, [2000, 2000, 25_000]],
    [{ SOAP_CALL_TIMEOUT_MS: '300000' }, [3000, 300_000, 315_000]],
    [{ SOAP_CONNECT_TIMEOUT_MS: '20000' }, [20_000, 20_000, 35_000]],
    [{ LOOKUP_DEADLINE_MS: '500' }, [500, 500, 500]],
    [{ SOAP_CALL_TIMEOUT_MS: '60000', LOOKUP_DEADLINE_MS: '60000' }, [3000, 60_000, 60_000]],
    [{ SOAP_CONNECT_TIMEOUT_MS: '5000', LOOKUP_DEADLINE_MS: '5000' }, [5000, 5000, 5000]],
  ])('%j: connect, call and attempt', (env, times) => {
    expect(timesOf(env)).toEqual(times)
  })

  it('of the times of any three settings: they agree, or two that were set do not', () => {
    const names = ['SOAP_CONNECT_TIMEOUT_MS', 'SOAP_CALL_TIMEOUT_MS', 'LOOKUP_DEADLINE_MS'] as const
    const given = fc.uniqueArray(fc.constantFrom(...names), { maxLength: 3 }).chain((some) => {
      return fc.record(Object.fromEntries(some.map((name) => [name, fc.integer({ min: 1, max: 300_000 }).map(String)])))
    })
    const inOrder = (values: number[]) => values.every((value, index) => value >= (values[index - 1] ?? 0))
    fc.assert(
      fc.property(given, (env) => {
        const set = names.flatMap((name) => (env[name] === undefined ? [] : [Number(env[name])]))
        if (inOrder(set)) expect(inOrder(timesOf(env))).toBe(true)
        else expect(problemsOf(env)).not.toEqual([])
      }),
    )
  })

  it('backoff, holds and the prefix of a Cluster, and it is shown as it is in force', () => {
    expect(loadConfig({ LOOKUP_BACKOFF_MAX_MS: '10' }).config.lookupBackoffMinMs).toBe(10)
    expect(loadConfig({ LOOKUP_BACKOFF_MIN_MS: '400000' }).config.lookupBackoffMaxMs).toBe(400_000)
    expect(loadConfig({ HOLD_MIN_MS: '20000' }).config.holdMaxMs).toBe(20_000)
    expect(loadConfig({ HOLD_MAX_MS: '500' }).config.holdMinMs).toBe(500)
    const { config, settings } = loadConfig({ REDIS_CLUSTER_NODES: 'a:1' })
    expect(config.prefix).toBe('{bull}')
    expect(settings).toContainEqual({ name: 'QUEUE_PREFIX', shown: '{bull}', source: 'default' })
  })
})

describe('a command', () => {
  it('minds only the variables of its groups', () => {
    const env = { HTTPS_PROXY: 'nonsense', CONCURRENCY: 'x', SOAP_CA_FILE: '/no/such/file', LOG_LEVEL: 'loud' }
    const { config, settings } = loadConfig(env, {}, [], ['redis', 'queues'])
    expect(Object.keys(config)).toEqual(expect.arrayContaining(['redisUrl', 'lookupQueue']))
    expect(Object.keys(config)).not.toContain('httpsProxy')
    expect(settings.map(({ name }) => name)).not.toContain('HTTPS_PROXY')
    expect(problemsOf(env)).toHaveLength(4)
  })
})

describe('a text that is no UTF-8', () => {
  const utf16 = (text: string) => Buffer.from(text, 'utf16le')
  const BAD: [string, Buffer, string][] = [
    ['UTF-16', Buffer.concat([Buffer.from([0xff, 0xfe]), utf16('canary')]), 'it is UTF-16: save it as UTF-8'],
    ['big-endian UTF-16', Buffer.from([0xfe, 0xff, 0, 0x63]), 'it is UTF-16: save it as UTF-8'],
    ['UTF-16 without a mark', utf16('canary'), 'it is UTF-16 without a byte order mark, or no text: save it as UTF-8'],
    ['windows-1252', Buffer.from('senha-ção', 'latin1'), 'it holds bytes that are not UTF-8: save it as UTF-8'],
  ]

  it.each(BAD)('%s in the file of a secret is refused by name', (_, bytes, why) => {
    const file = fileWith('')
    writeFileSync(file, bytes)
    for (const name of Object.keys(SECRETS)) {
      const [problem] = problemsOf({ [`${name}_FILE`]: file })
      expect(problem).toBe(
        `${name}: expected the path of a file that can be read in ${name}_FILE, got ${JSON.stringify(file)} (${why})`,
      )
    }
  })

  it('and a byte order mark before a good one is taken off, in a file and in the environment', () => {
    expect(loadConfig({ SOAP_PUBLIC_KEY_1: '\uFEFFkey' }).config.soapPublicKey1?.()).toBe('key')
    expect(loadConfig({ SOAP_PUBLIC_KEY_1_FILE: fileWith('\uFEFFkey\r\n') }).config.soapPublicKey1?.()).toBe('key')
    expect(loadConfig({ REDIS_URL_FILE: fileWith('\uFEFFredis://host\n') }).config.redisUrl()).toBe('redis://host')
  })
})

describe('what a URL hides', () => {
  const shown = (name: string, url: string) =>
    loadConfig({ [name]: url }).settings.find((setting) => setting.name === name)?.shown

  it.each<[string, string, string]>([
    ['HTTPS_PROXY', 'http://token-canary@proxy:3128', 'http://********@proxy:3128'],
    ['HTTP_PROXY', 'http://canary:@proxy', 'http://********@proxy'],
    ['HTTPS_PROXY', 'http://canary:x-oauth-basic@proxy', 'http://********@proxy'],
    ['SOAP_ENDPOINT', 'https://h/x.asmx?code=canary&tenant=canary', 'https://h/x.asmx?code=********&tenant=********'],
    ['SOAP_ENDPOINT', 'https://h/x.asmx?canary', 'https://h/x.asmx?********'],
    ['SOAP_ENDPOINT', 'https://u:12/canary@h/x.asmx', 'https://********@h/x.asmx'],
    ['SOAP_ENDPOINT', 'https://h/x.asmx#canary', 'https://h/x.asmx'],
    ['REDIS_URL', 'redis://canary@host', 'redis://********@host'],
    ['REDIS_URL', 'redis://host?username=canary&family=6', 'redis://host?username=********&family=6'],
  ])('%s=%s', (name, url, expected) => {
    expect(shown(name, url)).toBe(expected)
  })

  it.each([
    'redis://:123/canary@host',
    'redis://user:123/canary@host',
    'redis://u:1?canary@host',
    'redis://u:1#canary@host',
  ])('REDIS_URL=%s, whose password begins with digits, would be another host: refused, and not shown', (url) => {
    const [problem, ...more] = problemsOf({ REDIS_URL: url })
    expect(more).toEqual([])
    expect(problem).toMatch(
      /^REDIS_URL: expected a URL with redis:\/\/ or rediss:\/\/, got (?:a password with a \/|no URL)/,
    )
    expect(problem).not.toMatch(/canary|123/)
  })

  it.each(['REDIS_URL', ...PROXIES, 'SOAP_ENDPOINT'])('%s with a % that no text can be made of is refused', (name) => {
    const scheme = name === 'REDIS_URL' ? 'redis' : 'http'
    for (const user of ['user:100%canary', '50%canary:x', 'u:%ff']) {
      const [problem] = problemsOf({ [name]: `${scheme}://${user}@host` })
      expect(problem).toMatch(/a % in its user or password: write it %25\)?$/)
      expect(problem).not.toContain('canary')
    }
    expect(loadConfig({ [name]: `${scheme}://user:100%25@host` }).warnings).toEqual([])
  })

  it.each([
    ['crm.example/x.asmx', 'no scheme: try http://…'],
    ['http:crm.example', 'no scheme: try http://…'],
    ['ftp://crm.example/', 'another scheme'],
    ['http://', 'no URL'],
  ])('SOAP_ENDPOINT=%s is told that it has %s', (text, hint) => {
    const said = `SOAP_ENDPOINT: expected a URL with http:// or https://, got ${JSON.stringify(text)} (${hint})`
    expect(problemsOf({ SOAP_ENDPOINT: text })).toEqual([said])
  })

  it('takes a scheme in capitals', () => {
    expect(loadConfig({ SOAP_ENDPOINT: 'HTTP://crm.example/x.asmx' }).config.soapEndpoint).toContain('crm.example')
  })
})

describe('a variable that nobody knows', () => {
  const warningsOf = (env: Record<string, string>) => loadConfig(env).warnings

  it('but looks like one of ours is warned of, with the nearest', () => {
    expect(warningsOf({ CONCURENCY: '1' })).toEqual([
      'CONCURENCY: not a variable of chat-enricher; did you mean CONCURRENCY?',
    ])
    expect(warningsOf({ SOAP_ENPOINT: 'x' })[0]).toContain('did you mean SOAP_ENDPOINT?')
    expect(warningsOf({ SOAP_PUBLIC_KEY_FILE: 'x' })[0]).toContain('did you mean SOAP_PUBLIC_KEY_1_FILE?')
  })

  it('and is set to nothing, or is none of ours, is not', () => {
    expect(warningsOf({ CONCURENCY: '', PATH: '/bin', HOME: '/', NODE_OPTIONS: '-x', REDIS_HOST: 'h' })).toEqual([])
  })

  it('is not one of ours that is known', () => {
    const all = Object.values(VARIABLES) as Variable<unknown>[]
    expect(warningsOf(Object.fromEntries(all.map(({ name }) => [name, ''])))).toEqual([])
  })
})
