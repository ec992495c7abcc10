/** A real Prometheus on the committed configuration: rules in a hurry, ports of the test, and a name server of its own. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { stringify } from 'yaml'
import { pathOf, yamlOf } from '../operations/repository.ts'
import { groupsOf, RULE_FILES } from '../operations/rule-tests.ts'
import { until } from '../support/world.ts'
import { startNameServer } from './dns-stub.ts'
import { shortened } from './shortened.ts'

const NAME_SERVER = '127.0.0.77'

/** As docs/scaling.md has it for processes of one machine. What they say is dropped here, because it is said by others, too. */
export const BY_PORT = { job: 'by-port', name: '_metrics._tcp.worker' }
const FOUND_BY_PORT = {
  job_name: BY_PORT.job,
  dns_sd_configs: [{ names: [BY_PORT.name], type: 'SRV', refresh_interval: '1s' }],
  metric_relabel_configs: [{ source_labels: ['__name__'], regex: '.+', action: 'drop' }],
}

interface Scrape {
  job_name: string
  scrape_interval?: string
  dns_sd_configs: { names: string[]; port: number; refresh_interval: string }[]
}

interface Config {
  global: Record<string, string>
  alerting: { alertmanagers: { dns_sd_configs: { port: number }[] }[] }
  scrape_configs: Scrape[]
}

export interface Series {
  metric: Record<string, string>
  value?: [number, string]
  values?: [number, string][]
}

export interface Alert {
  labels: Record<string, string>
  annotations: Record<string, string>
  state: 'pending' | 'firing'
}

export interface Prometheus {
  url: string
  query(expr: string): Promise<Series[]>
  range(expr: string, seconds: number): Promise<Series[]>
  alerts(): Promise<Alert[]>
  targets(job: string): Promise<string[]>
  /** Of Alertmanager: the names of alerts that are told to somebody, and of those that are inhibited. */
  told(): Promise<{ active: string[]; inhibited: string[] }>
  log(): string
  stop(): Promise<void>
}

export interface Places {
  workers: { addresses: string[]; port: number }
  /** Its address; the port is that of the workers. */
  webhook: string
  apiPort: number
  /** What else listens on 127.0.0.1, to be found by its SRV records (host `one-host`). */
  otherPorts: number[]
}

export async function startPrometheus({ workers, webhook, apiPort, otherPorts }: Places): Promise<Prometheus> {
  const directory = mkdtempSync(join(tmpdir(), 'prometheus-'))
  const [port, managerPort] = [await freePort(), await freePort()]
  const ports: Record<string, number> = { worker: workers.port, api: apiPort, webhook: workers.port }
  writeConfig(directory, ports, managerPort)
  const here = ['127.0.0.1']
  const names = {
    worker: workers.addresses,
    api: here,
    webhook: [webhook],
    alertmanager: here,
    [BY_PORT.name]: otherPorts.map((port) => ({ target: 'one-host', port })),
    'one-host': here,
  }
  const closeNames = await startNameServer(NAME_SERVER, names)
  const url = `http://127.0.0.1:${port}`
  const manager = `http://127.0.0.1:${managerPort}`
  let log = ''
  const children = [
    // The file that names the name server is another one for this process alone.
    start('unshare', [
      '--mount',
      'sh',
      '-c',
      `mount --bind ${directory}/resolv.conf /etc/resolv.conf && exec prometheus --config.file=${directory}/prometheus.yml --storage.tsdb.path=${directory}/data --web.listen-address=127.0.0.1:${port} --web.console.templates=${pathOf('docs/runbooks')} --log.level=warn`,
    ]),
    start('prometheus-alertmanager', [
      `--config.file=${pathOf('prometheus/alertmanager.yml')}`,
      `--storage.path=${directory}/alertmanager`,
      `--web.listen-address=127.0.0.1:${managerPort}`,
      '--cluster.listen-address=',
      '--log.level=warn',
    ]),
  ]
  for (const child of children) child.stderr?.on('data', (data) => (log += data))
  const ask = async <T>(path: string, base = `${url}/api/v1`): Promise<T> => {
    const answer = await fetch(`${base}${path}`)
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${path}: ${text}`)
    return JSON.parse(text) as T
  }
  const result = async (path: string) => (await ask<{ data: { result: Series[] } }>(path)).data.result
  await until('Prometheus is ready', async () => (await fetch(`${url}/-/ready`).catch(() => null))?.ok === true)
  return {
    url,
    query: (expr) => result(`/query?query=${encodeURIComponent(expr)}`),
    range: (expr, seconds) => {
      const end = Date.now() / 1000
      return result(`/query_range?query=${encodeURIComponent(expr)}&start=${end - seconds}&end=${end}&step=1`)
    },
    alerts: async () => (await ask<{ data: { alerts: Alert[] } }>('/alerts')).data.alerts,
    targets: async (job) => {
      const { data } = await ask<{ data: { activeTargets: { labels: Record<string, string>; health: string }[] } }>(
        '/targets',
      )
      return data.activeTargets
        .filter(({ labels, health }) => labels.job === job && health === 'up')
        .map(({ labels }) => labels.instance ?? '')
        .sort()
    },
    told: async () => {
      type Told = { labels: Record<string, string>; status: { inhibitedBy: string[] } }
      const all = await ask<Told[]>('/alerts', `${manager}/api/v2`)
      const namesOf = (those: Told[]) => those.map(({ labels }) => labels.alertname ?? '')
      return {
        active: namesOf(all.filter(({ status }) => status.inhibitedBy.length === 0)),
        inhibited: namesOf(all.filter(({ status }) => status.inhibitedBy.length > 0)),
      }
    },
    log: () => log,
    stop: async () => {
      closeNames()
      await Promise.all(children.map(end))
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function writeConfig(directory: string, ports: Record<string, number>, managerPort: number): void {
  const config = yamlOf<Config>('prometheus/prometheus.yml')
  config.global = { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '500ms' }
  for (const { dns_sd_configs: configs } of config.alerting.alertmanagers) {
    for (const one of configs) Object.assign(one, { port: managerPort, refresh_interval: '1s' })
  }
  for (const { dns_sd_configs: configs } of config.scrape_configs) {
    for (const one of configs) Object.assign(one, { port: ports[one.names[0] ?? ''], refresh_interval: '1s' })
  }
  const scrapes = [...config.scrape_configs, FOUND_BY_PORT]
  writeFileSync(join(directory, 'prometheus.yml'), stringify({ ...config, scrape_configs: scrapes }))
  writeFileSync(join(directory, 'resolv.conf'), `nameserver ${NAME_SERVER}\n`)
  mkdirSync(join(directory, 'rules'))
  for (const file of RULE_FILES) {
    writeFileSync(join(directory, 'rules', basename(file)), stringify({ groups: shortened(groupsOf(file)) }))
  }
}

function start(program: string, args: string[]): ChildProcess {
  return spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return port
}
