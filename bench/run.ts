/**
 * `npm run bench -- NAME...`: what a lookup costs, measured against a floor and peers in the same run. Figures are medians of
 * paired runs; quote ratios, because machines differ and neighbours come and go.
 */

import { parseArgs } from 'node:util'
import build from '../test/support/build.ts'
import { backlog } from './backlog.ts'
import { bytes } from './bytes.ts'
import { gate } from './gate.ts'
import { intake } from './intake.ts'
import { latency } from './latency.ts'
import { lookup } from './lookup.ts'
import { memory } from './memory.ts'
import { parse } from './parse.ts'
import { profile } from './profile.ts'

const {
  values: { short, help },
  positionals: chosen,
} = parseArgs({
  options: { short: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
  allowPositionals: true,
})

interface Bench {
  what: string
  run: () => Promise<void> | void
}

const BENCHES: Record<string, Bench> = {
  lookup: {
    what: 'CPU of one lookup at 0 ms, 64 at once: the floor, ours, what others would build',
    run: () => lookup(short ? { repetitions: 1, lookups: 6_000 } : { repetitions: 5, lookups: 40_000 }),
  },
  latency: {
    what: 'the share of what its slots could do, at a service of 20 to 200 ms',
    run: () => latency(short ? { repetitions: 1, seconds: 3 } : { repetitions: 3, seconds: 10 }),
  },
  backlog: {
    what: 'the rate with a million waiting, beside that with 14,000',
    run: () => backlog(short ? { repetitions: 1, waiting: 100_000 } : { repetitions: 3, waiting: 1_000_000 }),
  },
  bytes: {
    what: 'what a lookup takes in Redis, waiting and finished',
    run: () => bytes({ lookups: short ? 5_000 : 20_000 }),
  },
  memory: {
    what: 'the most memory of a worker at full speed, plain and with a heap limit',
    run: () => memory({ lookups: short ? 30_000 : 200_000 }),
  },
  parse: {
    what: 'CPU of reading one answer and of writing one request, in a tight loop',
    run: () => parse(short ? { repetitions: 3, answers: 5_000 } : { repetitions: 9, answers: 20_000 }),
  },
  profile: {
    what: 'where a worker at full speed spends its time, by function and by package',
    run: () => profile({ lookups: short ? 12_000 : 40_000 }),
  },
  gate: {
    what: 'CPU of asking for each call',
    run: () => gate(short ? { repetitions: 1, lookups: 12_000 } : { repetitions: 5, lookups: 40_000 }),
  },
  intake: {
    what: "ids a second by enqueue --file and by the library's enqueueMany, beside BullMQ's addBulk",
    run: () => intake(short ? { ids: 100_000, others: 50_000 } : { ids: 1_000_000, others: 60_000 }),
  },
}

const unknown = chosen.filter((name) => !(name in BENCHES))
if (help || chosen.length === 0 || unknown.length > 0) {
  if (unknown.length > 0) console.error(`There is no bench ${unknown.join(', ')}.\n`)
  console.log('npm run bench -- [--short] NAME..., with NAME any of:')
  for (const [name, { what }] of Object.entries(BENCHES)) console.log(`  ${name.padEnd(10)} ${what}`)
  process.exit(help ? 0 : 2)
}
build()
for (const name of chosen) {
  console.log(`\n${name}: ${BENCHES[name]?.what}`)
  await BENCHES[name]?.run()
}
