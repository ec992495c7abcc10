import { spawnSync } from 'node:child_process'
import { accessSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import { VARIABLES } from '../../src/config/table.ts'
import { isPinned, pathOf, textOf, yamlOf } from './repository.ts'

interface Service {
  image?: string
  build?: string
  command?: string[]
  environment?: Record<string, string | null>
  env_file?: { path: string; required: boolean }[]
  secrets?: string[]
  container_name?: string
  ports?: string[]
  expose?: string[]
  volumes?: string[]
  depends_on?: Record<string, { condition: string }>
  restart?: string
  healthcheck?: { test: string[]; disable?: boolean }
  stop_grace_period?: string
  deploy?: { replicas?: number }
  read_only?: boolean
  cap_drop?: string[]
  security_opt?: string[]
  init?: boolean
  tmpfs?: string[]
  user?: string
}

interface Compose {
  services: Record<string, Service>
  secrets: Record<string, { file?: string }>
  volumes: Record<string, unknown>
}

const compose = yamlOf<Compose>('docker-compose.yml')
const services = Object.entries(compose.services)
const service = (name: string): Service => compose.services[name] as Service

/** The value that a fresh clone gets: every `${NAME:-default}` replaced by its default. */
const onAFreshClone = (value: string): string => value.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')

/** The value behind a flag of a command. */
const flag = (command: readonly string[], name: string): string | undefined => command[command.indexOf(name) + 1]

test('the file is what the compose specification allows', () => {
  expect(complaintsOfTheLinter(pathOf('docker-compose.yml'))).toEqual([])
})

test('the linter would notice', () => {
  const directory = mkdtempSync(join(tmpdir(), 'compose-'))
  const file = join(directory, 'docker-compose.yml')
  try {
    writeFileSync(file, 'services:\n  redis:\n    image: redis:7.4.2\n    healthchek: {}\n')
    expect(complaintsOfTheLinter(file).join()).toContain('invalid-schema')
  } finally {
    rmSync(directory, { recursive: true })
  }
})

describe.each(services)('%s', (_name, it) => {
  test('is built here or comes in a version that does not move', () => {
    expect(it.build === '.' || isPinned(it.image ?? '')).toBe(true)
  })

  test('says whether it is healthy, or ends by itself', () => {
    if (it.restart === 'no') return void expect(it.healthcheck).toEqual({ disable: true })
    expect(it.healthcheck?.test.length).toBeGreaterThan(1)
    for (const word of it.healthcheck?.test ?? []) expect(word).toBeTypeOf('string')
  })

  test('can do no more than it has to', () => {
    expect(it).toMatchObject({ read_only: true, cap_drop: ['ALL'], init: true, tmpfs: ['/tmp'] })
    expect(it.security_opt).toContain('no-new-privileges:true')
  })

  test('is reached from this machine only', () => {
    for (const port of it.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\$\{\w+:-\d+\}:\d+$/)
  })

  test('mounts volumes that are declared, and directories that exist, which it cannot change', () => {
    for (const mount of it.volumes ?? []) {
      const [source = '', , mode] = mount.split(':')
      if (!source.startsWith('.')) {
        expect(Object.keys(compose.volumes)).toContain(source)
      } else {
        accessSync(pathOf(source))
        expect(mode).toBe('ro')
      }
    }
  })

  test('waits for services that say when they are healthy', () => {
    for (const [other, { condition }] of Object.entries(it.depends_on ?? {})) {
      expect(service(other).healthcheck, other).toBeDefined()
      const ends = service(other).restart === 'no'
      expect(condition).toBe(ends ? 'service_completed_successfully' : 'service_healthy')
    }
  })

  test('has the secrets that it uses, as files that a fresh clone has', () => {
    const used = it.secrets ?? []
    const read = Object.entries(it.environment ?? {})
      .filter(([name]) => /^(SOAP|API)_\w+_FILE$/.test(name))
      .map(([, path]) => path?.replace('/run/secrets/', ''))
    expect(read.sort()).toEqual([...used].sort())
    for (const name of used) {
      // Compose refuses secrets of any other source in a service with a read-only file system.
      const { file } = compose.secrets[name] ?? {}
      accessSync(pathOf(onAFreshClone(file ?? 'not a file')))
    }
  })
})

test('no two services publish the same port', () => {
  const ports = services.flatMap(([, it]) => it.ports ?? []).map((port) => onAFreshClone(port).split(':')[1])
  expect(new Set(ports).size).toBe(ports.length)
})

describe('redis', () => {
  const command = service('redis').command ?? []

  test('keeps what it was told', () => {
    expect(flag(command, '--appendonly')).toBe('yes')
    expect(flag(command, '--appendfsync')).toBe('everysec')
    expect(service('redis').volumes).toContain('redis-data:/data')
  })

  test('never evicts a job', () => {
    expect(flag(command, '--maxmemory-policy')).toBe('noeviction')
  })

  test('starts as an ordinary user: without capabilities root could not become one', () => {
    expect(service('redis').user).toMatch(/^[1-9]\d*:[1-9]\d*$/)
  })
})

describe('worker', () => {
  const worker = service('worker')

  test('can have replicas', () => {
    expect(worker.deploy?.replicas).toBe(2)
    expect(worker).not.toHaveProperty('container_name')
    expect(worker).not.toHaveProperty('ports')
    expect(worker.expose).toEqual(['9464'])
  })

  test('is given the time to end: more than SHUTDOWN_TIMEOUT_MS and the closing of connections', () => {
    expect(worker.stop_grace_period).toBe('45s')
  })

  test('asks the stand-in, unless told otherwise', () => {
    const endpoint = new URL(onAFreshClone(worker.environment?.SOAP_ENDPOINT ?? ''))
    expect(endpoint.host).toBe(`stand-in:${flag(service('stand-in').command ?? [], '--port')}`)
    expect(service('stand-in').healthcheck?.test.join(' ')).toContain(endpoint.pathname)
    expect(onAFreshClone(worker.environment?.REDIS_URL ?? '')).toBe('redis://redis:6379')
  })

  test('gets every setting of .env, but what belongs to this file', () => {
    expect(worker.env_file).toEqual([{ path: '.env', required: false }])
    const ofCompose = [...textOf('docker-compose.yml').matchAll(/\$\{(\w+):-/g)].map(([, name]) => name ?? '')
    const warnedOf = ofCompose.filter((name) => loadConfig({ [name]: 'http://x' }).warnings.length > 0)
    expect(warnedOf).toContain('SOAP_SECRETS_DIR')
    for (const name of warnedOf) expect(worker.environment, name).toMatchObject({ [name]: '' })
    expect(worker.environment).toMatchObject({ METRICS_HOST: '0.0.0.0', METRICS_PORT: worker.expose?.[0] })
    const others = Object.values(VARIABLES).map(({ name }) => name)
    const fixed = ['REDIS_URL', 'SOAP_ENDPOINT', 'METRICS_HOST', 'METRICS_PORT']
    expect(others.filter((name) => name in (worker.environment ?? {})).sort()).toEqual(fixed.sort())
  })

  test('is checked on /livez', () => {
    expect(worker.healthcheck?.test.slice(0, 3)).toEqual(['CMD', 'node', '-e'])
    expect(worker.healthcheck?.test[3]).toContain('http://127.0.0.1:9464/livez')
  })
})

test('doctor looks with the settings of the workers before they start, and stops none of them', () => {
  const { command, environment, secrets, env_file } = service('doctor')
  const worker = service('worker')
  expect(command).toEqual(['doctor', '--advise'])
  expect({ environment, secrets, env_file }).toEqual({
    environment: worker.environment,
    secrets: worker.secrets,
    env_file: worker.env_file,
  })
  expect(worker.depends_on).toHaveProperty('doctor')
})

test('the API asks for tokens, which on a fresh clone are right', () => {
  const { environment = {}, ports, healthcheck, stop_grace_period: grace } = service('api')
  expect(environment).toMatchObject({ API_HOST: '0.0.0.0', API_TOKENS_FILE: '/run/secrets/api_tokens' })
  expect(ports).toEqual([`127.0.0.1:\${CHAT_API_PORT:-${environment.API_PORT}}:${environment.API_PORT}`])
  expect(healthcheck?.test[3]).toContain(`http://127.0.0.1:${environment.API_PORT}/livez`)
  expect(grace).toBe('45s')
  const file = pathOf(onAFreshClone(compose.secrets.api_tokens?.file ?? ''))
  const { apiTokens } = loadConfig({ API_TOKENS_FILE: file }, {}, [], ['api']).config
  expect(apiTokens?.()).toHaveLength(1)
  expect(textOf('README.md')).toContain(`'Authorization: Bearer ${apiTokens?.()[0]?.token}'`)
})

test('README names each file that SOAP_SECRETS_DIR needs', () => {
  const files = Object.values(compose.secrets).flatMap(
    ({ file = '' }) => /^\$\{SOAP_SECRETS_DIR:-.*\}\/(\w+)$/.exec(file)?.[1] ?? [],
  )
  expect(files).toHaveLength(5)
  for (const file of files) expect(textOf('README.md')).toContain(`\`${file}\``)
})

test('health checks in JavaScript are JavaScript', () => {
  const scripts = services
    .map(([, it]) => it.healthcheck?.test ?? [])
    .filter((words) => words[1] === 'node')
    .map((words) => words[3] ?? '')
  expect(scripts).toHaveLength(4)
  for (const script of scripts) expect(() => new Function(script)).not.toThrow()
})

test('Grafana opens on a dashboard, without a password and without rights', () => {
  const grafana = service('grafana')
  expect(grafana.environment).toMatchObject({
    GF_AUTH_ANONYMOUS_ENABLED: 'true',
    GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
    GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION: 'true',
  })
  const home = grafana.environment?.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH ?? ''
  expect(grafana.volumes).toContain(`./grafana/dashboards:${dirname(home)}:ro`)
  accessSync(pathOf(home.replace('/etc/', '')))
})

/** dclint runs as a program: its types do not compile with ours. Only rules about order and quotes are switched off. */
function complaintsOfTheLinter(file: string): string[] {
  const tastes = [
    'require-quotes-in-ports',
    'service-dependencies-alphabetical-order',
    'service-keys-order',
    'service-ports-alphabetical-order',
    'services-alphabetical-order',
    'top-level-properties-order',
  ]
  const program = join(dirname(createRequire(import.meta.url).resolve('dclint/package.json')), 'bin/dclint.cjs')
  const args = [program, file, '--formatter', 'json', '--disable-rule', ...tastes]
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (stdout === '') throw new Error(`dclint: ${stderr}`)
  const files = JSON.parse(stdout) as { messages: { rule: string; message: string }[] }[]
  return files.flatMap(({ messages }) => messages.map(({ rule, message }) => `${rule}: ${message}`))
}
