import { mebibytes, seconds } from '../../../domain/figures.ts'
import type { FleetQueue, FleetStatus } from '../../../fleet/status.ts'
import { T } from '../texts.ts'
import { type Column, Table } from './table.tsx'

const count = (head: string, of: (queue: FleetQueue) => number): Column<FleetQueue> => ({
  head,
  of: (queue) => T.figure(of(queue)),
  isFigure: true,
})

const COLUMNS: readonly Column<FleetQueue>[] = [
  { head: T.queues.queue, of: ({ queue, isPaused }) => (isPaused ? `${queue} (${T.queues.paused})` : queue) },
  count(T.queues.waiting, ({ jobs }) => jobs.waiting + jobs.prioritized),
  count(T.queues.delayed, ({ jobs }) => jobs.delayed),
  count(T.queues.active, ({ jobs }) => jobs.active),
  count(T.queues.finished, ({ jobs }) => jobs.completed),
  count(T.queues.dead, ({ jobs }) => jobs.failed),
  { head: T.queues.oldest, of: ({ oldestAgeMs }) => (oldestAgeMs > 0 ? seconds(oldestAgeMs) : '–'), isFigure: true },
]

export function Queues({ status: { queues, redis } }: { status: FleetStatus }) {
  return (
    <section class="card stack">
      <Table caption={T.queues.caption} columns={COLUMNS} rows={queues} keyOf={({ queue }) => queue} />
      {redis ? (
        <p class="soft small">
          {T.queues.redis(mebibytes(redis.usedBytes), redis.maxBytes === null ? null : mebibytes(redis.maxBytes))}
        </p>
      ) : null}
    </section>
  )
}
