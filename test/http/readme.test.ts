import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterEach, expect, it } from 'vitest'
import { startWorker } from '../support/processes.ts'
import { useWorld } from '../support/use-world.ts'
import { startApi, stopAll } from './api.ts'

const world = useWorld()
afterEach(stopAll)

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

it('README shows requests by curl that do what it says', async () => {
  const [, script = ''] = /## Use it over HTTP\n.*?```sh\n(.*?)```/s.exec(readme) ?? []
  expect(script).toContain('API=http://127.0.0.1:8080\n')
  await startWorker(world.env)
  const api = await startApi({ REDIS_URL: world.redisUrl })
  const here = script.replace('http://127.0.0.1:8080', api.url)
  const { stdout } = await promisify(execFile)('sh', ['-e', '-c', here])
  expect(stdout).toMatch(/^\{\n {2}"idRequest": \d+,/)
  expect(stdout).toMatch(/^\{"line":1,.*\n\{"line":2,.*\n\{"line":3,.*"isNew":true\}\n\d+$/m)
})
