import { execFileSync } from 'node:child_process'
import { Writable } from 'node:stream'
import { expect, it } from 'vitest'
import { loadConfig } from '../config/config.ts'
import { createLogger } from '../observe/logger.ts'
import { WorkerApp } from './worker-app.ts'

/** A process of its own, because it ends by itself only where nothing is left open. */
const PROGRAM = `
  const [{ WorkerApp }, { loadConfig }, { createLogger }] = await Promise.all(process.argv.slice(1).map((at) => import(at)))
  const { config } = loadConfig({ SOAP_ENDPOINT: 'http://service.example/', REDIS_URL: 'redis://127.0.0.1:1' })
  const broken = { ...config, httpProxy: 'nowhere' }
  try {
    new WorkerApp(broken, createLogger({ logLevel: 'error', logFormat: 'json' }, process.stderr))
  } catch (error) {
    process.stdout.write(error.message)
  }`

// Fails without: src/app/worker-app.ts: the constructor closes its connections.
it('leaves no connection open where its construction fails', () => {
  const modules = ['./worker-app.ts', '../config/config.ts', '../observe/logger.ts']
  const at = modules.map((module) => new URL(module, import.meta.url).href)
  const args = ['--import', 'tsx', '--input-type=module', '-e', PROGRAM, ...at]
  const said = execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 30_000, stdio: 'pipe' })
  expect(said).toBe('expected the URL of a proxy, got something else')
}, 40_000)

it('says that it has stopped when all is closed', async () => {
  const order: string[] = []
  const log = new Writable({
    write: (line, _, done) => {
      order.push((JSON.parse(String(line)) as { msg: string }).msg)
      done()
    },
  })
  const env = { SOAP_ENDPOINT: 'http://service.example/', REDIS_URL: 'redis://127.0.0.1:1', SHUTDOWN_TIMEOUT_MS: '0' }
  const app = new WorkerApp(loadConfig(env).config, createLogger({ logLevel: 'info', logFormat: 'json' }, log))
  app.closeLast(async () => void order.push('closed'))
  await app.stop('test')
  expect(order.filter((line) => /^(closed|stop)/.test(line)).map((line) => line.split(',')[0])).toEqual([
    'stopping: test',
    'closed',
    'stopped',
  ])
})
