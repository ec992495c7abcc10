/** CPU of one enriched lookup at a service of 0 ms, beside the floor and what others would build, in turns. */

import { floor } from './floor.ts'
import { type Cost, type Load, ours, peer, type Variant, workOff } from './load.ts'
import { median, printJson, printTable, spread } from './table.ts'

/** What a lookup may cost with everything on, on an idle machine. */
const TIMES_FLOOR = 1.8
const TIMES_FLOOR_LIMITED = 2
const TIMES_NATURAL = 0.8
const TIMES_NODE_SOAP = 0.32
const REDIS_US = 110

/** Too high to bind: what asking for each call costs. */
const LIMIT = '100000'

export const OURS = [
  ours('chat-enricher'),
  ours(`with RATE_LIMIT_PER_SECOND=${LIMIT}`, { RATE_LIMIT_PER_SECOND: LIMIT }),
]
export const PEERS = [peer('natural: fast-xml-parser', 'natural.ts'), peer('node-soap', 'node-soap.mjs')]

export interface Compared {
  /** µs, one a repetition. */
  floors: number[]
  costs: Map<string, Cost[]>
}

/** Each repetition meets the same neighbours on the machine: variants are interleaved. */
export async function compare(variants: Variant[], load: Load, repetitions: number): Promise<Compared> {
  const floors: number[] = []
  const costs = new Map<string, Cost[]>(variants.map(({ name }) => [name, []]))
  for (let i = 0; i < repetitions; i++) {
    floors.push((await floor(load)).us)
    for (const variant of variants) costs.get(variant.name)?.push(await workOff(variant, load))
    console.error(`  ${i + 1} of ${repetitions}: ${lastOf(floors, costs)}`) // a run that is stopped has said something
  }
  return { floors, costs }
}

function lastOf(floors: number[], costs: Map<string, Cost[]>): string {
  const floor = floors.at(-1) ?? Number.NaN
  const each = [...costs].map(([name, all]) => `${name} ${((all.at(-1)?.us ?? Number.NaN) / floor).toFixed(2)} times`)
  return [`floor ${Math.round(floor)} µs`, ...each].join(', ')
}

export function timesFloor({ floors, costs }: Compared, name: string): number {
  return medianRatio(costs.get(name) ?? [], floors)
}

/** Each repetition by its own neighbour. */
function medianRatio(costs: Cost[], others: number[]): number {
  return median(costs.map(({ us }, i) => us / (others[i] ?? Number.NaN)))
}

/** What was promised, beside what came out. */
function printBars({ floors, costs }: Compared): void {
  const of = ({ name }: { name: string }) => costs.get(name) ?? []
  const [plain, limited, natural, nodeSoap] = [...OURS, ...PEERS].map(of) as [Cost[], Cost[], Cost[], Cost[]]
  const us = (all: Cost[]) => all.map((one) => one.us)
  const bars: [what: string, got: number, most: number][] = [
    ['times the floor', medianRatio(plain, floors), TIMES_FLOOR],
    ['times the floor with a limit that does not bind', medianRatio(limited, floors), TIMES_FLOOR_LIMITED],
    ['times the natural worker', medianRatio(plain, us(natural)), TIMES_NATURAL],
    ['times node-soap', medianRatio(plain, us(nodeSoap)), TIMES_NODE_SOAP],
    ["Redis' own CPU, µs", median(plain.map(({ redisUs }) => redisUs)), REDIS_US],
  ]
  const rows = bars.map(([what, got, most]) => [what, got.toFixed(2), `≤ ${most}`, got <= most ? 'met' : 'missed'])
  console.log()
  printTable(['bar', 'got', 'at most', ''], rows)
}

/** Throws if ours costs twice what it should, by the floor of the same run: neighbours on the machine may not decide. */
export async function lookup({ repetitions, lookups }: { repetitions: number; lookups: number }): Promise<void> {
  const compared = await compare([...OURS, ...PEERS], { lookups, warmUp: lookups / 4, concurrency: 64 }, repetitions)
  show('lookup', compared)
  printBars(compared)
  const [plain] = OURS
  const times = timesFloor(compared, plain?.name ?? '')
  if (times > 2 * TIMES_FLOOR)
    throw new Error(`expected a lookup to cost about ${TIMES_FLOOR} times the floor, got ${times.toFixed(2)}`)
}

export function show(bench: string, compared: Compared): void {
  const { floors, costs } = compared
  const head = ['', 'CPU µs', 'x floor', 'Redis µs', 'lookups/s', 'most MB']
  const rows = [...costs].map(([name, all]) => [
    name,
    spread(all.map(({ us }) => us)),
    timesFloor(compared, name).toFixed(2),
    spread(all.map(({ redisUs }) => redisUs)),
    spread(all.map(({ perSecond }) => perSecond)),
    spread(all.map(({ mostMb }) => mostMb)),
  ])
  printTable(head, [['floor', spread(floors), '1', '', '', ''], ...rows])
  printJson(bench, { floors, ...Object.fromEntries(costs) })
}
