import Table from 'cli-table3'
import { Command } from 'commander'
import { sleep } from '../clock.ts'
import { type FleetStatus, readStatus } from '../queues/status.ts'
import type { CliCommand } from './command.ts'
import { configOf, withVariables } from './options.ts'
import { withRedis } from './redis.ts'
import { interruption, NO_LINES_BETWEEN, number, PLAIN, print, seconds } from './terminal.ts'

const GROUPS = ['redis', 'queues'] as const
const WATCH_EVERY_MS = 2000

export function statusCommand(): CliCommand {
  const command = new Command('status')
    .option('--watch', `again every ${WATCH_EVERY_MS / 1000} s, until Ctrl-C`)
    .option('--json', 'as JSON, one line each time')
    .addHelpText('after', '\nExamples:\n  chat-enricher status --watch\n  chat-enricher status --json | jq .backlog')
  return { command: withVariables(command, GROUPS), action: runStatus }
}

async function runStatus(command: Command): Promise<undefined> {
  const { json, watch } = command.opts() as { json?: boolean; watch?: boolean }
  const { config } = configOf(command, GROUPS)
  const stop = interruption()
  await withRedis(config, 'status', async (redis) => {
    for (let first = true; first || (watch && !stop.aborted); first = false) {
      const status = await readStatus(redis, config)
      if (watch && !json && process.stdout.isTTY) process.stdout.write('\x1b[2J\x1b[H')
      await print(json ? JSON.stringify(status) : asText(status))
      if (watch) await sleep(WATCH_EVERY_MS, stop).catch(() => {})
    }
  })
}

const plain = { chars: NO_LINES_BETWEEN, style: PLAIN }

function asText({ queues, members, perSecond, drainSeconds, backlog }: FleetStatus): string {
  const states = new Table({
    head: ['queue', 'waiting', 'prioritized', 'delayed', 'active', 'completed', 'failed', 'oldest'],
    ...plain,
  })
  for (const { queue, jobs, oldestAgeMs } of queues) {
    const { waiting, prioritized, delayed, active, completed, failed } = jobs
    const counts = [waiting, prioritized, delayed, active, completed, failed].map((count) => number.format(count))
    states.push([queue, ...counts, oldestAgeMs > 0 ? seconds(oldestAgeMs) : '-'])
  }
  const fleet = new Table({ head: ['worker', 'pid', 'version', 'since', 'busy', 'results/s', 'limit/s', ''], ...plain })
  for (const member of members) {
    const { host, pid, version, startedAt, inProgress, concurrency, rateLimitPerSecond, stopping } = member
    const busy = `${inProgress}/${concurrency}`
    const limit = rateLimitPerSecond ?? 'none'
    fleet.push([host, pid, version, startedAt, busy, member.perSecond, limit, stopping ? 'stopping' : ''])
  }
  const eta =
    drainSeconds === null ? (backlog > 0 ? 'not draining' : 'nothing waits') : `gone in ${seconds(drainSeconds * 1000)}`
  const workers = members.length === 0 ? 'no worker is running' : `${fleet.toString()}`
  return [
    states.toString(),
    workers,
    `backlog ${number.format(backlog)}, ${number.format(perSecond)} results/s: ${eta}`,
  ].join('\n')
}
