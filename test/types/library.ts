/** What programs may write with the library's types, and what not. Compiled, never run; a test compiles it against the package, too. */

import {
  type Ack,
  type CancelEnd,
  ChatEnricher,
  type ChatEnricherOptions,
  type Enqueued,
  type FleetStatus,
  KeyConflict,
  LookupTimeout,
  type LookupView,
  RedisUnavailable,
  type Result,
  type ResultStatus,
} from '../../src/index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(..._: Equal<A, B> extends true ? [] : [never]) => {}

export async function program(signal: AbortSignal, ids: AsyncIterable<{ connectionId: string }>): Promise<void> {
  const options: ChatEnricherOptions = { redisSentinels: [{ host: 'h', port: 1 }], redisSentinelMaster: 'm' }
  await using enricher = new ChatEnricher(options)

  const ack = await enricher.enqueue({ connectionId: '1', metadata: { any: ['thing'] } }, { signal, interactive: true })
  same<typeof ack, Enqueued>()
  const result = await enricher.lookup({ connectionId: '1' }, { timeoutMs: 1000, signal })
  same<typeof result, Result>()
  same<typeof result.status, ResultStatus>()
  same<ResultStatus, 'enriched' | 'not-found' | 'rejected' | 'invalid' | 'failed'>()
  same<NonNullable<typeof result.chatRequest>['caseNumber'], number | null>()
  same<NonNullable<typeof result.failure>['httpStatus'], number | undefined>()

  for await (const one of enricher.enqueueMany(ids, { signal })) {
    same<typeof one, Ack>()
    if ('error' in one) same<typeof one.error, Error>()
    else same<typeof one.isNew, boolean>()
  }
  for await (const _ of enricher.enqueueMany([{ connectionId: '1' }]));

  same<CancelEnd, Awaited<ReturnType<typeof enricher.cancel>>>()
  const { refused } = await enricher.cancel([ack.lookupId], { signal, ratePerSecond: 10 })
  same<(typeof refused)[number]['why'], string>()
  await enricher.lookup({ connectionId: '1' }, { timeoutMs: 1000, cancelOnTimeout: true })

  for await (const one of enricher.find({ producer: 'crm', state: 'waiting' })) {
    same<typeof one, LookupView>()
    same<typeof one.enqueuedAt, string | null>()
  }

  await using consumer = enricher.consumeResults(async (one) => same<typeof one, Result>(), { concurrency: 5 })
  enricher.consumeResults((one) => console.log(one.lookupId))
  await consumer.close()
  same<Awaited<ReturnType<typeof enricher.status>>, FleetStatus>()

  // @ts-expect-error a connection id is a text
  await enricher.enqueue({ connectionId: 12345 })
  // @ts-expect-error it is required
  await enricher.lookup({ correlationId: 'a' })
  // @ts-expect-error no such field
  await enricher.enqueue({ connectionId: '1', conectionId: '1' })
  // @ts-expect-error no such option
  new ChatEnricher({ redisURL: 'redis://h' })
  // @ts-expect-error it may be null
  result.chatRequest.userName
  // @ts-expect-error an acknowledgement may be an error
  ;(await enricher.enqueueMany([]).next()).value.lookupId
}

export function isWorthTryingAgain(error: unknown): boolean {
  if (error instanceof LookupTimeout) same<typeof error.isCancelled, boolean>()
  if (error instanceof RedisUnavailable) same<typeof error.mayBeOnQueue, boolean>()
  return !(error instanceof KeyConflict)
}
