/** Where a worker at full speed spends its time: the functions and the packages with the most self time. */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { SourceMap, type SourceMapping } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Load, ours, workOff } from './load.ts'
import { printJson, printTable } from './table.ts'

const TOP = 20
const SAMPLE_US = 250

export async function profile({ lookups }: { lookups: number }): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'chat-enricher-bench-'))
  const flags = ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-interval=${SAMPLE_US}`]
  const load: Load = { lookups, warmUp: lookups / 4, concurrency: 64 }
  try {
    const { us } = await workOff(ours('chat-enricher', {}, flags), load, async () => {})
    const [file = ''] = readdirSync(folder)
    const { functions, packages } = selfTimes(JSON.parse(readFileSync(join(folder, file), 'utf8')))
    printTable(['by function', '%', 'where'], functions.slice(0, TOP).map(row))
    console.log()
    printTable(['by package', '%'], packages.slice(0, TOP).map(row))
    printJson('profile', { us, functions: functions.slice(0, TOP), packages })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

interface Share {
  name: string
  where: string
  percent: number
}

const row = ({ name, percent, where }: Share) => [name, percent.toFixed(1), where]

/** As V8 writes it. */
interface CpuProfile {
  nodes: {
    id: number
    callFrame: { functionName: string; url: string; lineNumber: number; columnNumber: number }
  }[]
  samples: number[]
  timeDeltas: number[]
}

/** What the process did, without the time in which it did nothing. */
function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): { functions: Share[]; packages: Share[] } {
  const taken = new Map<number, number>()
  for (const [i, id] of samples.entries()) taken.set(id, (taken.get(id) ?? 0) + (timeDeltas[i] ?? 0))
  const functions = new Map<string, Share>()
  const packages = new Map<string, Share>()
  let all = 0
  for (const { id, callFrame } of nodes) {
    const us = callFrame.functionName === '(idle)' ? 0 : (taken.get(id) ?? 0)
    const { name, where, by } = origin(callFrame)
    add(functions, name, where, us)
    add(packages, by, '', us)
    all += us
  }
  return { functions: sorted(functions, all), packages: sorted(packages, all) }
}

function add(to: Map<string, Share>, name: string, where: string, us: number): void {
  const share = to.get(`${name} ${where}`) ?? { name, where, percent: 0 }
  share.percent += us
  to.set(`${name} ${where}`, share)
}

function sorted(shares: Map<string, Share>, all: number): Share[] {
  const inPercent = [...shares.values()].map((share) => ({ ...share, percent: (share.percent / all) * 100 }))
  return inPercent.sort((a, b) => b.percent - a.percent)
}

/** A bundled function is named by the file that it was written in. */
function origin({ functionName, url, lineNumber, columnNumber }: CpuProfile['nodes'][number]['callFrame']) {
  const name = functionName || '(anonymous)'
  if (!url.startsWith('file:')) return { name, where: url, by: url ? 'node' : name.startsWith('(') ? name : 'native' }
  const file = fileURLToPath(url)
  // Empty if the map knows nothing of that place.
  const entry = mapOf(file)?.findEntry(lineNumber, columnNumber) as Partial<SourceMapping> | undefined
  const { originalSource = file, originalLine = lineNumber } = entry ?? {}
  const [, by = 'ours'] = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(originalSource) ?? []
  const source = originalSource.replace(/^.*node_modules\//, '').replace(/^(?:\.\.\/)+/, '')
  return { name, where: `${source}:${originalLine + 1}`, by }
}

const MAPS = new Map<string, SourceMap | null>()

/** Null: the file is as it was written. */
function mapOf(file: string): SourceMap | null {
  const known = MAPS.get(file)
  if (known !== undefined) return known
  const made = existsSync(`${file}.map`) ? new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8'))) : null
  MAPS.set(file, made)
  return made
}
