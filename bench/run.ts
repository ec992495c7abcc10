/**
 * `npm run bench -- NAME...`: what a lookup costs, measured against a floor and peers in the same run. Figures are medians of
 * paired runs; quote ratios, because machines differ and neighbours come and go.
 */

import { parseArgs } from 'node:util'
import build from '../test/support/build.ts'
import { lookup } from './lookup.ts'

const {
  values: { short, help },
  positionals: chosen,
} = parseArgs({
  options: { short: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
  allowPositionals: true,
})

const BENCHES: Record<string, { what: string; run: () => Promise<void> }> = {
  lookup: {
    what: 'CPU of one lookup at 0 ms, 64 at once: the floor, ours, what others would build',
    run: () => lookup(short ? { repetitions: 1, lookups: 12_000 } : { repetitions: 5, lookups: 40_000 }),
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
