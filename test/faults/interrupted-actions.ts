/** Actions in whose middle Redis goes away: they say so, leave nothing half done, and run again they do the rest. */

import { expect } from 'vitest'
import { start } from '../cli/started.ts'
import { type Environment, run } from '../support/processes.ts'
import type { Auditor } from './auditor.ts'
import { until } from './rig.ts'

export interface Scene {
  env: Environment
  auditor: Auditor
  enqueue(count: number): Promise<unknown>
  /** Redis goes. */
  lose(): Promise<unknown>
  /** A client finds the new master by itself, if that is there in time: then the action goes on. */
  mayGoOn?: true
  /** It is started again, where nobody else does that. */
  restore?(): Promise<unknown>
}

const COUNT = 200
const SLOWLY = ['--rate', '20', '--yes']
const QUICKLY = ['--rate', '1000', '--yes']
const CANCEL = ['cancel', '--all']
const REDRIVE = ['dead-letters', 'redrive', '--failure', 'cancelled']

/** Nothing is called meanwhile: the fleet is held by hand. */
export async function cancelIsInterrupted(scene: Scene): Promise<void> {
  const { auditor } = scene
  await heldWithLookups(scene)
  await interrupted(scene, CANCEL, () => auditor.results.length)
  await again(scene, CANCEL)
  expect(await auditor.complete(60_000)).toMatchObject({ results: COUNT, lost: [], duplicates: [] })
  expect(new Set(auditor.results.map(({ failure }) => failure?.code))).toEqual(new Set(['cancelled']))
}

/** They are answered as they come back. */
export async function redriveIsInterrupted(scene: Scene): Promise<void> {
  const { env, auditor } = scene
  await heldWithLookups(scene)
  await again(scene, CANCEL)
  await auditor.complete(60_000)
  expect((await run(['release'], env)).code).toBe(0)
  const second = () => auditor.results.filter(({ redrive }) => redrive === 1)
  await interrupted(scene, REDRIVE, () => second().length)
  await again(scene, REDRIVE)
  await until('each has its second result', () => second().length >= COUNT, 120_000)
  const seen = auditor.results.map(
    ({ lookupId, redrive, status, failure }) => `${lookupId} ${redrive} ${failure?.code ?? status}`,
  )
  const expected = [...auditor.accepted].flatMap((id) => [`${id} 0 cancelled`, `${id} 1 enriched`])
  expect(seen.toSorted()).toEqual(expected.toSorted())
}

async function heldWithLookups({ env, enqueue }: Scene): Promise<void> {
  const { code, stderr } = await run(['hold', '--reason', 'maintenance'], env)
  expect(code, stderr).toBe(0)
  await enqueue(COUNT)
}

async function interrupted({ env, lose, mayGoOn, restore }: Scene, args: string[], done: () => number): Promise<void> {
  const acting = start([...args, ...SLOWLY], env)
  await until('it is under way', () => done() > 5)
  await lose()
  const { code } = await acting.ended
  if (mayGoOn && code === 0) return
  expect(acting.stderr()).toMatch(/^error: (Redis at |REDIS_\w+: )/m)
  expect(code).toBe(1)
  expect(done()).toBeLessThan(COUNT)
  await restore?.()
}

/** As soon as there is a Redis again. */
async function again({ env }: Scene, args: string[]): Promise<void> {
  await until(`${args[0]} is done`, async () => (await run([...args, ...QUICKLY], env)).code === 0, 90_000)
}
