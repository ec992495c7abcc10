/** The service refuses everybody, for a reason of ours: few calls, then a hold; no lookup pays; the cure works at once. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TlsOptions } from 'node:tls'
import { Authority } from '../support/authority.ts'
import { type Environment, run } from '../support/processes.ts'
import { type Answer, CHAT, type Script, type ScriptedService } from '../support/scripted-service.ts'
import { until } from '../support/world.ts'
import { allEnriched, callsBetween, type Fleet, info, startFleet, timeUntil } from './fleet.ts'
import { atLeast, atMost, exactly, type Figure } from './report.ts'

const REFUSALS = {
  '401': { answer: { say: 'status', status: 401 }, mayBeSpent: 0 },
  'login page': { answer: { say: 'page', status: 200 }, mayBeSpent: 0 },
  'code 5': { answer: { say: 'code', code: 5 }, mayBeSpent: 40 },
  'Client fault': { answer: { say: 'fault', code: 'Client' }, mayBeSpent: 40 },
} as const satisfies Record<string, { answer: Answer; mayBeSpent: number }>

export type RefusalKind = keyof typeof REFUSALS
export const REFUSAL_KINDS = Object.keys(REFUSALS) as RefusalKind[]

const MOST_CALLS = 40
const RESUMES_WITHIN_S = 5

export interface RefusalOptions {
  lookups: number
  /** Watched after the hold has begun. */
  seconds: number
}

/** Refuses an old user; the file of the credential is then changed. */
export async function refused(kind: RefusalKind, options: RefusalOptions): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bar-credentials-'))
  const file = join(folder, 'user')
  writeFileSync(file, 'old-user')
  const { answer, mayBeSpent } = REFUSALS[kind]
  const fleet = await startFleet({ env: { SOAP_ENCRYPTED_USER: undefined, SOAP_ENCRYPTED_USER_FILE: file } })
  fleet.service.script = ({ user }) => (user === 'new-user' ? CHAT : answer)
  const figures = await untilHeld(fleet, options, mayBeSpent)
  writeFileSync(file, 'new-user')
  figures.push(await resumed('the file is changed', fleet, 'enriched'))
  figures.push(...(await restEnriched(fleet, options.lookups)))
  await fleet.close()
  rmSync(folder, { recursive: true })
  return figures
}

/** The code was right after all. */
export async function acceptedCode(options: RefusalOptions): Promise<Figure[]> {
  const fleet = await startFleet({})
  fleet.service.script = () => REFUSALS['code 5'].answer
  const figures = await untilHeld(fleet, options, MOST_CALLS)
  const { code } = await run(['release', '--accept-code', '5'], commandEnv(fleet))
  figures.push(exactly('release --accept-code 5, exit code', code ?? 'none', 0))
  figures.push(await resumed('the code is accepted', fleet, 'not-found'))
  const results = await fleet.consumer.have(options.lookups, 60_000).catch(() => fleet.consumer.results)
  const notFound = results.filter(({ status, response }) => status === 'not-found' && response?.code === 5)
  figures.push(exactly('not-found, with code 5', notFound.length, options.lookups))
  await fleet.close()
  return figures
}

/**
 * Our certificate, shown to the service, has expired; a new one is written to the same files. As IIS does, the service lets
 * the connection come about and answers 403.
 */
export async function ourCertificateExpired(options: RefusalOptions): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bar-tls-'))
  const authority = new Authority(folder)
  const server = authority.issue('service', { days: 30 })
  const old = authority.issue('client', { days: -1 })
  const [certFile, keyFile] = [join(folder, 'shown.crt'), join(folder, 'shown.key')]
  writeFileSync(certFile, old.cert)
  writeFileSync(keyFile, old.key)
  const { fleet, figures } = await expired(options, {
    tls: { ...server, ca: authority.cert, requestCert: true, rejectUnauthorized: false },
    script: ({ trusted }) => (trusted ? CHAT : { say: 'status', status: 403 }),
    env: { SOAP_CA_FILE: authority.file, SOAP_CLIENT_CERT_FILE: certFile, SOAP_CLIENT_KEY_FILE: keyFile },
  })
  const renewed = authority.issue('client', { days: 30 })
  writeFileSync(keyFile, renewed.key)
  writeFileSync(certFile, renewed.cert)
  figures.push(await resumed('the files are changed', fleet, 'enriched'))
  return finish(fleet, figures, options.lookups, folder)
}

/** The service's own has expired. No file of ours cures that: it gets a new one, and the next probe, or `release`, tells. */
export async function itsCertificateExpired(options: RefusalOptions): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bar-tls-'))
  const authority = new Authority(folder)
  const { fleet, figures } = await expired(options, {
    tls: authority.issue('service', { days: -1 }),
    env: { SOAP_CA_FILE: authority.file },
  })
  fleet.service.showCertificate(authority.issue('service', { days: 30 }))
  await run(['release'], commandEnv(fleet))
  figures.push(await resumed('it shows a new one, and `release`', fleet, 'enriched'))
  return finish(fleet, figures, options.lookups, folder)
}

const ALONE = {
  'one in twenty, HTTP 403': { answer: { say: 'status', status: 403 }, oneIn: 20 },
  'one in twenty, a login page': { answer: { say: 'page', status: 200 }, oneIn: 20 },
  'one, 503 and Retry-After': {
    answer: { say: 'status', status: 503, retryAfter: 5 },
    oneIn: Number.POSITIVE_INFINITY,
  },
} as const satisfies Record<string, { answer: Answer; oneIn: number }>

export type AloneKind = keyof typeof ALONE
export const ALONE_KINDS = Object.keys(ALONE) as AloneKind[]
const RATE = 50

/** Some ids are refused, or asked to pause, while the others are answered: those keep their pace from the second time on. */
export async function refusedAlone(kind: AloneKind, { seconds }: { seconds: number }): Promise<Figure[]> {
  const { answer, oneIn } = ALONE[kind]
  const fleet = await startFleet({ processes: 2, env: { RATE_LIMIT_PER_SECOND: String(RATE) } })
  fleet.service.script = ({ id }) => (id.startsWith('odd') ? answer : CHAT)
  await fleet.enqueue(1, 'known')
  await fleet.consumer.have(1)
  const isOdd = ({ id }: { id: string }) => id.startsWith('odd')
  await fleet.enqueue(1, 'odd-first-')
  await until('the second time', () => fleet.service.calls.filter(isOdd).length >= 2, 60_000)
  for (let i = 0; i < (seconds * RATE) / 20; i++) {
    await fleet.enqueue(19, `c-${i}-`)
    if (oneIn === 20) await fleet.enqueue(1, `odd-${i}-`)
  }
  const [at, begun] = [performance.now(), await fleet.metric('holds_total')]
  const waiting = async () => (await fleet.world.queue('chat-lookups').getJobCounts('waiting')).waiting ?? 0
  await timeUntil(async () => performance.now() > at + seconds * 1000 || (await waiting()) === 0, 60_000)
  const took = (performance.now() - at) / 1000
  const calls = callsBetween(fleet.service, at, performance.now())
  const share = oneIn === 20 ? 0.95 : 1
  const figures = [
    atLeast(
      'pace of the others, of what there is',
      calls.filter((call) => !isOdd(call)).length / (took * RATE * share),
      0.6,
    ),
    exactly('holds from then on', (await fleet.metric('holds_total')) - begun, 0),
    info('calls for those that are refused', calls.filter(isOdd).length),
    fleet.lateness(),
  ]
  await fleet.close()
  return figures
}

async function expired(
  options: RefusalOptions,
  { script = () => CHAT, ...start }: { tls: TlsOptions; env: Environment; script?: Script },
) {
  const fleet = await startFleet(start)
  fleet.service.script = script
  return { fleet, figures: await untilHeld(fleet, options, 0) }
}

async function finish(fleet: Fleet, figures: Figure[], lookups: number, folder: string): Promise<Figure[]> {
  figures.push(...(await restEnriched(fleet, lookups)))
  await fleet.close()
  rmSync(folder, { recursive: true })
  return figures
}

function commandEnv(fleet: Fleet): Environment {
  return { ...fleet.env, SOAP_PUBLIC_KEY_1: 'k' }
}

async function untilHeld(fleet: Fleet, { lookups, seconds }: RefusalOptions, mayBeSpent: number): Promise<Figure[]> {
  const { service, consumer } = fleet
  await fleet.enqueue(lookups)
  const heldAfter = await timeUntil(async () => (await fleet.holdShown()) === 'configuration', 30_000)
  const before = tried(service)
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  return [
    atMost('held after, s', heldAfter / 1000, 10),
    atMost('calls until the hold', before, MOST_CALLS),
    info(`calls in the ${seconds} s after that`, tried(service) - before),
    atMost('lookups spent', consumer.results.length, mayBeSpent),
  ]
}

/** Where TLS refuses, each try is a connection that never becomes a call. */
function tried({ calls, connections }: ScriptedService): number {
  return Math.max(calls.length, connections)
}

async function resumed(after: string, { consumer }: Fleet, status: string): Promise<Figure> {
  const before = consumer.results.length
  const ms = await timeUntil(() => consumer.results.slice(before).some((result) => result.status === status), 60_000)
  return atMost(`resumes after ${after}, s`, ms / 1000, RESUMES_WITHIN_S)
}

/** Whatever was not spent before the cure. */
async function restEnriched(fleet: Fleet, lookups: number): Promise<Figure[]> {
  await until('every lookup has its result', () => fleet.consumer.results.length >= lookups, 90_000).catch(() => {})
  const spent = fleet.consumer.results.filter(({ status }) => status !== 'enriched').length
  const [enriched, , deadLetters] = await allEnriched(fleet, lookups, 1)
  return [exactly('the others enriched', Number(enriched?.got) + spent, lookups), ...(deadLetters ? [deadLetters] : [])]
}
