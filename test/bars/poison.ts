/** One id at which the service always fails: it pays for itself, alone; and where the service is down, nobody pays. */

import { setTimeout as sleep } from 'node:timers/promises'
import { readHistory } from '../../src/domain/history.ts'
import { CHAT, type Script } from '../support/scripted-service.ts'
import { NAMES, until } from '../support/world.ts'
import { allEnriched, callsBetween, type Fleet, info, startFleet, timeUntil } from './fleet.ts'
import { atLeast, atMost, exactly, type Figure } from './report.ts'

const ID = 'poison'
const POISON: Script = ({ id }) => (id.startsWith(ID) ? { say: 'fault', code: 'Server' } : CHAT)
/** LOOKUP_ATTEMPTS by default. */
const ATTEMPTS = 5

export interface PoisonOptions {
  good: number
  ratePerSecond: number
}

export async function poisonAmongGood({ good, ratePerSecond }: PoisonOptions): Promise<Figure[]> {
  const fleet = await startFleet({ env: { RATE_LIMIT_PER_SECOND: String(ratePerSecond) } })
  const { service } = fleet
  service.script = POISON
  await fleet.enqueue(good / 2, 'first-')
  await fleet.enqueue(1, ID)
  await fleet.enqueue(good / 2, 'second-')
  await fleet.consumer.have(good + 1, (good / ratePerSecond) * 1000 + 180_000).catch(() => {})
  const answered = service.calls.filter(({ id }) => !id.startsWith(ID))
  const backlog = answered.slice(0, good)
  const seconds = ((backlog.at(-1)?.at ?? 0) - (backlog[0]?.at ?? 0)) / 1000
  const figures = [
    atLeast('good calls a second', backlog.length / seconds, ratePerSecond * 0.97),
    exactly('good lookups enriched', fleet.consumer.results.filter(({ status }) => status === 'enriched').length, good),
    ...(await alone(fleet)),
    info('calls for it', service.calls.length - answered.length),
    info('probes', answered.length - good),
    fleet.lateness(),
  ]
  await fleet.close()
  return figures
}

/** The last of a batch: nobody after it shows that the service answers others. */
export async function poisonAtTheEnd(): Promise<Figure[]> {
  const fleet = await startFleet({})
  const { service } = fleet
  service.script = POISON
  const good = 50
  await fleet.enqueue(good, 'good-')
  await fleet.enqueue(1, ID)
  const ms = await timeUntil(() => fleet.consumer.results.length === good + 1, 180_000)
  const probes = service.calls.filter(({ id }) => !id.startsWith(ID)).length - good
  const figures = [
    atMost('dead letter after, s', ms / 1000, 120),
    ...(await alone(fleet)),
    atMost('probes', probes, ATTEMPTS),
    info('calls for it', service.calls.length - good - probes),
  ]
  await fleet.close()
  return figures
}

/** The same, but it is the service that fails: for everybody, from this lookup on. */
export async function serviceDownAtTheEnd({ seconds }: { seconds: number }): Promise<Figure[]> {
  const fleet = await startFleet({})
  const { service, world } = fleet
  const good = 50
  await fleet.enqueue(good, 'good-')
  await fleet.consumer.have(good)
  service.script = () => ({ say: 'fault', code: 'Server' })
  const startedAt = performance.now()
  const [lookupId = ''] = await fleet.enqueue(1, ID)
  const heldAfter = await timeUntil(async () => (await fleet.holdShown()) === 'service', seconds * 1000)
  await sleep(startedAt + seconds * 1000 - performance.now())
  const inOutage = callsBetween(service, startedAt, performance.now()).length
  const early = fleet.consumer.results.length - good
  service.script = () => CHAT
  const complete = await allEnriched(fleet, good + 1, 60_000)
  const history = await world.redis.hget(`bull:${NAMES.lookupQueue}:${lookupId}`, 'ce:history')
  const { charged } = readHistory(history)
  const figures = [
    atMost('held after, s', heldAfter / 1000, 40),
    exactly('attempts charged', charged, 0),
    exactly('results while it is down', early, 0),
    info(`calls in the ${seconds} s`, inOutage),
    ...complete,
  ]
  await fleet.close()
  return figures
}

/** That the bad one ended, as a dead letter, and nothing else came of it. */
async function alone(fleet: Fleet): Promise<Figure[]> {
  const queue = fleet.world.queue(NAMES.lookupQueue)
  await until('its job has ended', async () => (await queue.getFailedCount()) > 0).catch(() => {})
  const failed = await queue.getFailed()
  const results = fleet.consumer.results.filter(({ status }) => status !== 'enriched')
  return [
    exactly('dead letters', failed.map(({ data }) => data.connectionId).join(), `${ID}0`),
    exactly(
      'results other than enriched',
      results.map(({ status, failure }) => `${status} ${failure?.code}`).join(),
      'failed soap-fault',
    ),
    exactly('attempts of it', results[0]?.attempts ?? 0, ATTEMPTS),
    exactly('holds', await fleet.metric('holds_total'), 0),
  ]
}
