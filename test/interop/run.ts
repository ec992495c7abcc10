/** `npm run test:interop`: clients that others wrote against the stand-in, from its own WSDL. Exit 1 on any difference. */

import Table from 'cli-table3'
import { startStandIn } from '../../src/stand-in/stand-in.ts'
import { CREDENTIALS } from './answers.ts'
import { CASES } from './cases.ts'
import type { ClientName, SoapVersion } from './clients.ts'
import { ANSWERS, type Compared, compareAll } from './compare.ts'
import { ensureClients } from './packages.ts'

const CLIENTS: readonly ClientName[] = ['zeep', 'php', 'node-soap']
const VERSIONS: readonly SoapVersion[] = ['1.1', '1.2']
const COLUMNS = CLIENTS.flatMap((client) => VERSIONS.map((version) => ({ client, version })))

async function main(): Promise<boolean> {
  ensureClients()
  const standIn = await startStandIn({ answers: ANSWERS, credentials: CREDENTIALS })
  try {
    const all: Compared[] = []
    for (const { client, version } of COLUMNS) all.push(...(await compareAll(client, version, standIn.url)))
    return report(all)
  } finally {
    await standIn.close()
  }
}

function report(all: readonly Compared[]): boolean {
  const table = new Table({
    head: ['case', ...COLUMNS.map(({ client, version }) => `${client} ${version}`)],
    style: { head: [], border: [], compact: true },
  })
  for (const { name } of CASES) {
    table.push([name, ...COLUMNS.map((column) => mark(all.find((each) => each.name === name && isOf(each, column))))])
  }
  table.push(['as expected', ...COLUMNS.map((column) => countOf(all.filter((each) => isOf(each, column))))])
  console.log(table.toString())
  const wrong = all.filter(({ problem }) => problem !== null)
  for (const { client, version, name, problem } of wrong)
    console.log(`${client}, SOAP ${version}, ${name}:\n${problem}`)
  console.log(`${all.length - wrong.length} passed, ${wrong.length} failed`)
  return all.length > 0 && wrong.length === 0
}

const isOf = (each: Compared, { client, version }: { client: ClientName; version: SoapVersion }) =>
  each.client === client && each.version === version
const mark = (each: Compared | undefined) => (each?.problem === null ? 'ok' : 'WRONG')
const countOf = (some: readonly Compared[]) =>
  `${some.filter(({ problem }) => problem === null).length} of ${some.length}`

const ok = await main().catch((error) => {
  console.error((error as Error).message)
  return false
})
process.exitCode = ok ? 0 : 1
