/**
 * Faults at random, overlapping, from a seed: the same seed makes the same plan. Lookups come all the while. Then all is made
 * well, the fleet drains, and the auditor judges.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Queue } from 'bullmq'
import build from '../support/build.ts'
import type { Call } from '../support/scripted-service.ts'
import { CANARY } from './canaries.ts'
import { type Disturbance, FAULTS, type FaultContext, oneOf, type Random, randomFrom } from './random-faults.ts'
import { type Rig, startRig } from './rig.ts'

export interface RandomRunOptions {
  seed?: string | undefined
  /** Of faults, a seed; the drain comes after. */
  minutes?: string | undefined
  /** So many runs, from seed on. */
  seeds?: string | undefined
}

export interface PlannedFault {
  atMs: number
  name: string
  lastsMs: number
}

export interface Findings {
  lookups: number
  faults: number
  lost: number
  duplicates: number
  notEnriched: number
  charged: number
  /** Good answers of the service. */
  goodCalls: number
  /** Of them, those that were made again, or could not be used, because of what was broken at that time. */
  explained: number
}

const LOOKUPS_A_MINUTE = 600
const FAULTS_A_MINUTE = 20
export const DRAIN_MS = 240_000
const MOST_CALLS = 1.05

/** Resolves to the exit code. */
export async function randomRun({ seed, minutes = '0.75', seeds = '1' }: RandomRunOptions): Promise<number> {
  const first = seed === undefined ? Math.floor(Math.random() * 1e6) : numberOf('--seed', seed)
  const ms = numberOf('--minutes', minutes) * 60_000
  build()
  const all: Findings[] = []
  const bad: number[] = []
  for (let each = first; each < first + numberOf('--seeds', seeds); each++) {
    const found = await runOf(each, ms)
    all.push(found)
    if (!tell(`seed ${each}`, found)) bad.push(each)
  }
  const sum = all.reduce(plus)
  if (all.length > 1) tell(`${all.length} seeds in all`, sum)
  for (const each of bad) console.log(`again: npm run test:faults -- --seed ${each} --minutes ${minutes}`)
  console.log(`${all.length - bad.length} passed, ${bad.length} failed`)
  return bad.length > 0 ? 1 : 0
}

export function numberOf(flag: string, text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value >= 0) return value
  throw new Error(`${flag}: expected a number, got ${text}`)
}

export function planOf(ms: number, random: Random, faultsAMinute = FAULTS_A_MINUTE): PlannedFault[] {
  const names = Object.entries(FAULTS).flatMap(([name, { weight }]) => Array<string>(weight).fill(name))
  const count = Math.round((ms / 60_000) * faultsAMinute)
  const plan = Array.from({ length: count }, () => {
    const name = oneOf(names, random)
    return { atMs: random() * ms * 0.95, name, lastsMs: Math.round(random() * (FAULTS[name]?.lastsMs ?? 0)) }
  })
  return plan.sort((a, b) => a.atMs - b.atMs)
}

async function runOf(seed: number, ms: number): Promise<Findings> {
  const random = randomFrom(seed)
  const plan = planOf(ms, random)
  console.log(`\nseed ${seed}: ${plan.length} faults in ${ms / 1000} s`)
  const rig = await startRig({ workers: 3, env: QUICK })
  rig.supervise()
  const disturbances: Disturbance[] = []
  const context = {
    rig,
    random: randomFrom(seed + 1),
    disturb: (of: Disturbance) => void disturbances.push(of),
    redisIsBroken: false,
  }
  const startedAt = performance.now()
  const arriving = arrive(rig, ms, randomFrom(seed + 2))
  await carryOut(plan, context, startedAt)
  await arriving
  const stuck = await rig.auditor.complete(DRAIN_MS).then(
    () => null,
    (error: Error) => error.message,
  )
  await sleep(2000) // a second result, were there one, would be on its way
  if (stuck !== null) console.log(`  ${stuck}; ${JSON.stringify(await rig.queue().getJobCounts())}`)
  const findings = await judge(rig, plan.length, disturbances)
  console.log(`  drained after ${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
  await rig.close()
  return findings
}

/** So that backoff and holds have their turn in a short run. */
export const QUICK = {
  RATE_LIMIT_PER_SECOND: '100',
  SOAP_CALL_TIMEOUT_MS: '3000',
  LOOKUP_DEADLINE_MS: '10000',
  LOOKUP_BACKOFF_MIN_MS: '200',
  LOOKUP_BACKOFF_MAX_MS: '5000',
  BREAKER_WINDOW_MS: '3000',
  HOLD_MIN_MS: '300',
  HOLD_MAX_MS: '2000',
  SHUTDOWN_TIMEOUT_MS: '3000',
}

export async function carryOut(plan: PlannedFault[], context: FaultContext, startedAt: number): Promise<void> {
  const lasting: Promise<void>[] = []
  for (const { atMs, name, lastsMs } of plan) {
    await sleep(Math.max(0, startedAt + atMs - performance.now()))
    const { accepted, results } = context.rig.auditor
    const at = ((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)
    console.log(`  ${at} s  ${name}${lastsMs > 0 ? ` for ${lastsMs} ms` : ''}  (${results.length} of ${accepted.size})`)
    lasting.push(carryOutOne(name, lastsMs, context))
  }
  await Promise.all(lasting)
}

async function carryOutOne(name: string, lastsMs: number, context: FaultContext): Promise<void> {
  const undo = await FAULTS[name]?.begin(context, lastsMs)
  await sleep(lastsMs)
  await undo?.()
}

/** Some wait, some are urgent, some are a person's, some ask for what others ask for. */
export async function arrive(rig: Rig, ms: number, random: Random): Promise<void> {
  const count = Math.round((ms / 60_000) * LOOKUPS_A_MINUTE)
  const atOnce = 5
  for (let made = 0; made < count; made += atOnce) {
    const jobs = Array.from({ length: Math.min(atOnce, count - made) }, (_, i) => {
      const number = made + i
      const connectionId = `r${random() < 0.1 ? Math.max(0, number - 3) : number}`
      const opts = {
        jobId: `lk-r${number}`,
        ...(random() < 0.1 ? { delay: Math.round(random() * 3000) } : {}),
        ...(random() < 0.1 ? { priority: 1 + Math.floor(random() * 5) } : {}),
      }
      return { name: 'lookup', data: { connectionId, correlationId: `${CANARY}-${number}` }, opts }
    })
    await addTo(rig.queue(random() < 0.15 ? 'chat-lookups-interactive' : 'chat-lookups'), jobs)
    for (const { opts } of jobs) rig.auditor.accepted.add(opts.jobId)
    await sleep((ms * 0.9 * atOnce) / count)
  }
}

/** Again until Redis has them, as a producer would: out of memory it refuses, and an id that it has is no second lookup. */
async function addTo(queue: Queue, jobs: Parameters<Queue['addBulk']>[0]): Promise<void> {
  for (;;) {
    try {
      return void (await queue.addBulk(jobs))
    } catch {
      await sleep(200)
    }
  }
}

export async function judge(rig: Rig, faults: number, disturbances: Disturbance[]): Promise<Findings> {
  const { accepted, lost, duplicates, notEnriched } = rig.auditor.audit()
  for (const id of [...lost, ...duplicates].slice(0, 5)) console.log(`  ${id}: ${JSON.stringify(rig.auditor.of(id))}`)
  for (const { lookupId, failure } of notEnriched.slice(0, 5)) console.log(`  ${lookupId}: ${JSON.stringify(failure)}`)
  const good = rig.service.calls.filter(({ said }) => said === 'chat')
  return {
    lookups: accepted,
    faults,
    lost: lost.length,
    duplicates: duplicates.length,
    notEnriched: notEnriched.length,
    charged: await rig.charged(),
    goodCalls: good.length,
    explained: good.filter((call) => disturbances.some((of) => covers(of, call))).length,
  }
}

function covers({ user, from, to }: Disturbance, call: Call): boolean {
  return (user === null || user === call.user) && call.at >= from && call.at <= to
}

function plus(a: Findings, b: Findings): Findings {
  const keys = Object.keys(a) as (keyof Findings)[]
  return Object.fromEntries(keys.map((key) => [key, a[key] + b[key]])) as unknown as Findings
}

export function tell(what: string, found: Findings): boolean {
  const { lookups, faults, lost, duplicates, notEnriched, charged, goodCalls, explained } = found
  // A call that a fault may have made useless is not counted; nor is, then, the lookup that it was for.
  const callsPerLookup =
    goodCalls <= lookups ? goodCalls / lookups : (goodCalls - Math.min(explained, goodCalls - lookups)) / lookups
  const ok = lost === 0 && duplicates === 0 && notEnriched === 0 && callsPerLookup <= MOST_CALLS
  console.log(
    `${ok ? 'ok  ' : 'MISS'} ${what}: ${lookups} lookups, ${faults} faults: ${lost} lost, ${duplicates} twice, ` +
      `${notEnriched} given up, ${charged} charged once or more; ${goodCalls} good calls, ` +
      `${callsPerLookup.toFixed(3)} for each lookup beyond what the faults explain (${MOST_CALLS})`,
  )
  return ok
}
