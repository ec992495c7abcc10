/**
 * What asking for each call costs: the same fleet with a limit too high to bind and with none, in turns, so that whatever
 * else the machine does meets both. How often Redis is asked is counted, on its own account, by the key of the pace.
 */

import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { run } from '../support/processes.ts'
import { callsBetween, type Fleet, info, startFleet } from './fleet.ts'
import { atLeast, atMost, type Figure } from './report.ts'

const TOO_HIGH_TO_BIND = '100000'
/** For every process to have heard of the other limit. */
const SETTLE_MS = 500

export async function gateCost({ rounds, secondsEach }: { rounds: number; secondsEach: number }): Promise<Figure[]> {
  const fleet = await startFleet({ processes: 1, latencyMs: 5, env: { RATE_LIMIT_PER_SECOND: TOO_HIGH_TO_BIND } })
  const counts = { limited: 0, none: 0 }
  for (let round = 0; round < rounds; round++) {
    counts.limited += await callsWith(fleet, TOO_HIGH_TO_BIND, secondsEach * 1000)
    counts.none += await callsWith(fleet, 'none', secondsEach * 1000)
  }
  const asked = await permitsAsked(fleet)
  const figures = [
    atLeast('calls with the limit, for each without', counts.limited / counts.none, 0.85),
    atMost('questions to Redis for each call', asked.questions / asked.calls, 1),
    info('calls a second with the limit', counts.limited / (rounds * secondsEach)),
    info('calls a second without', counts.none / (rounds * secondsEach)),
  ]
  await fleet.close()
  return figures
}

async function callsWith(fleet: Fleet, limit: string, ms: number): Promise<number> {
  await run(['limit', '--rate', limit], fleet.env)
  await keepBusy(fleet)
  await sleep(SETTLE_MS)
  const startedAt = performance.now()
  await sleep(ms)
  return callsBetween(fleet.service, startedAt, startedAt + ms).length
}

let batches = 0

/** More than one turn can use. */
async function keepBusy(fleet: Fleet): Promise<void> {
  const { waiting } = await fleet.world.queue('chat-lookups').getJobCounts('waiting')
  if ((waiting ?? 0) < 8000) await fleet.enqueue(8000, `busy-${batches++}-`)
}

async function permitsAsked(fleet: Fleet): Promise<{ questions: number; calls: number }> {
  await run(['limit', '--rate', TOO_HIGH_TO_BIND], fleet.env)
  await keepBusy(fleet)
  const { hostname, port } = new URL(fleet.world.redisUrl)
  const monitor = connect(Number(port), hostname).setEncoding('utf8')
  monitor.write('MONITOR\r\n')
  let questions = 0
  const startedAt = performance.now()
  createInterface(monitor).on('line', (line) => {
    if (/"eval(sha)?" .* "\d+" "[^"]*:gate:\w+:rate" /i.test(line)) questions++
  })
  await sleep(2000)
  monitor.destroy()
  if (questions === 0) throw new Error('expected questions for permits among the commands of Redis, saw none')
  return { questions, calls: callsBetween(fleet.service, startedAt, performance.now()).length }
}
