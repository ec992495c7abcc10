/**
 * `npm run soak`: a steady load and faults at random for a long time, and whether anything grows meanwhile: memory and
 * descriptors of the workers, the memory of Redis once what is kept for a time is gone. Reads /proc: Linux only.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import build from '../support/build.ts'
import { SHIPPED_NODE_OPTIONS } from '../support/heap-limit.ts'
import { run } from '../support/processes.ts'
import { arrive, carryOut, DRAIN_MS, judge, numberOf, planOf, QUICK, tell } from './random.ts'
import { type Disturbance, randomFrom } from './random-faults.ts'
import { type Rig, startRig } from './rig.ts'
import { type Figure, figuresOf, lagFigure } from './soak-judge.ts'
import { Samples } from './soak-samples.ts'

const JUDGED_FROM_MINUTES = 5
const FAULTS_A_MINUTE = 10
const SAMPLE_MS = 10_000
/** Of four workers, the first two are never ended. */
const WORKERS = 4
const SPARED = 2
const LOOKUP_RETENTION_MS = 20_000
/** Longer than a lookup can come up again after its result: its lock, a freeze, backoff, and a queue that is behind. */
const RESULT_MARKER_TTL_MS = 180_000
/** Upkeep runs every 20 s, in one process; should that one be gone, another one follows within 50 s. */
const RETENTION_MS = RESULT_MARKER_TTL_MS + 80_000

const HELP = `npm run soak -- [options]

A steady load and faults at random, and a sample of every process now and then. At the end: is the ledger clean, and has
anything grown? (Medians of the second and of the last quarter, of workers that were there all the time.)
  --minutes M   of faults (10); up to five minutes more for what is kept for a time to go.
                Under ${JUDGED_FROM_MINUTES} minutes only the ledger is judged; the other figures are printed
  --seed N      of the faults (printed where it is chosen)
  --idle        this machine does nothing else: the event loop is judged, too`

interface SoakOptions {
  minutes: number
  seed: number
  isIdle: boolean
}

/** Resolves to whether everything is as it should be. */
async function soak({ minutes, seed, isIdle }: SoakOptions): Promise<boolean> {
  const env = {
    ...QUICK,
    LOOKUP_RETENTION_MS: String(LOOKUP_RETENTION_MS),
    RESULT_MARKER_TTL_MS: String(RESULT_MARKER_TTL_MS),
    NODE_OPTIONS: SHIPPED_NODE_OPTIONS,
  }
  const rig = await startRig({ workers: WORKERS, env })
  try {
    return await soakOn(rig, { minutes, seed, isIdle })
  } finally {
    await rig.close()
  }
}

async function soakOn(rig: Rig, { minutes, seed, isIdle }: SoakOptions): Promise<boolean> {
  const ms = minutes * 60_000
  rig.supervise()
  await rig.enqueue(20, 'warm')
  await rig.auditor.complete()
  const samples = new Samples(rig, Math.min(SAMPLE_MS, ms / 16))
  const spared = new Set(rig.workers.slice(0, SPARED).map(({ user }) => user))
  const before = await answered(() => samples.redisNow())
  const ledgerIsClean = await broken(rig, ms, seed, spared)
  await samples.stop()
  const judgesAll = minutes >= JUDGED_FROM_MINUTES
  const { after, left } = await afterRetention(rig, samples, judgesAll ? RETENTION_MS : 0)
  const listenerWarnings = samples.listenerWarnings()
  samples.close()
  const redis = { before, after }
  const measured = { ms, workers: samples.workers, spared, redis, keysOfLookups: left.length, listenerWarnings }
  const judged = tellAll('judged', judgesAll ? figuresOf(measured) : [])
  const lag = tellAll('judged', isIdle ? [lagFigure(measured)] : [])
  tellAll('not judged', [...(judgesAll ? [] : figuresOf(measured)), ...(isIdle ? [] : [lagFigure(measured)])])
  return ledgerIsClean && judged && lag
}

/** Faults, then the drain; resolves to whether the ledger is clean. */
async function broken(rig: Rig, ms: number, seed: number, spared: ReadonlySet<string>): Promise<boolean> {
  const plan = planOf(ms, randomFrom(seed), FAULTS_A_MINUTE)
  console.log(`\nseed ${seed}: ${plan.length} faults in ${ms / 1000} s`)
  const disturbances: Disturbance[] = []
  const disturb = (of: Disturbance) => void disturbances.push(of)
  const context = { rig, random: randomFrom(seed + 1), disturb, redisIsBroken: false, spared }
  await Promise.all([
    arrive(rig, ms, randomFrom(seed + 2)),
    carryOut(plan, context, performance.now()).then(() => madeWell(rig)),
  ])
  await rig.auditor.complete(DRAIN_MS).catch(({ message }: Error) => console.log(`  ${message}`))
  await sleep(2000) // a second result, were there one, would be on its way
  return tell('ledger', await judge(rig, plan.length, disturbances))
}

/** A limit or a hold that could not be undone while Redis was broken. */
async function madeWell(rig: Rig): Promise<void> {
  await run(['limit', '--reset'], rig.env)
  await run(['release'], rig.env)
}

/** Waits until what is kept for a time is gone, or should be. */
async function afterRetention(rig: Rig, samples: Samples, withinMs: number) {
  await rig.auditor.close()
  const end = performance.now() + withinMs
  if (withinMs > 0) console.log(`  retention: up to ${withinMs / 1000} s`)
  for (;;) {
    const [after, left] = await answered(() => Promise.all([samples.redisNow(), samples.keysOfLookups()]))
    if (left.length === 0 || performance.now() > end) {
      if (withinMs > 0) for (const key of left.slice(0, 5)) console.log(`  left: ${key}`)
      return { after, left }
    }
    await sleep(2000)
  }
}

/** Asks until there is an answer: the connection may still be on its way. */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch {
      await sleep(100)
    }
  }
}

function tellAll(judged: 'judged' | 'not judged', figures: Figure[]): boolean {
  for (const { what, before, after, bar, ok } of figures) {
    const mark = ok ? 'ok  ' : judged === 'judged' ? 'MISS' : 'over'
    const note = judged === 'judged' ? bar : `(${bar}; not judged)`
    console.log(`  ${mark} ${what.padEnd(52)} ${before.padStart(18)} ${after.padStart(18)}   ${note}`)
  }
  return figures.every(({ ok }) => ok)
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string' },
    idle: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(HELP)
} else {
  const seed = values.seed === undefined ? Math.floor(Math.random() * 1e6) : numberOf('--seed', values.seed)
  build()
  const ok = await soak({ minutes: numberOf('--minutes', values.minutes), seed, isIdle: values.idle })
  if (!ok) console.log(`again: npm run soak -- --seed ${seed} --minutes ${values.minutes}`)
  console.log(ok ? 'soak: passed' : 'soak: failed')
  process.exit(ok ? 0 : 1)
}
