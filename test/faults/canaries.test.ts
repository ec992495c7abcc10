import { expect, it } from 'vitest'
import { CHAT } from '../support/scripted-service.ts'
import { CANARY } from './canaries.ts'
import { idle, startRig } from './rig.ts'

it('every rig looks for canaries at its end: one in a failure text, an event or a key of ours is found', async () => {
  const rig = await startRig({ workers: 1, env: { LOG_LEVEL: 'trace' } })
  rig.service.script = (_call, number) => (number % 2 === 0 ? { say: 'fault', code: 'Server' } : CHAT)
  await rig.enqueue(20)
  const { results } = await rig.auditor.complete()
  expect(results).toBe(20)
  // So they are there to be seen: in the results, which may have them.
  expect(
    rig.auditor.results.map((result) => JSON.stringify(result)).filter((text) => text.includes(CANARY)),
  ).toHaveLength(20)
  await idle(rig)
  await rig.redis.hset('bull:chat-lookups:planted-1', {
    data: `${CANARY} may be here`,
    failedReason: `${CANARY}-reason`,
  })
  await rig.redis.xadd('bull:chat-lookups:events', '*', 'planted-2', `${CANARY}-event`)
  await rig.redis.set('ce:planted-3', `${CANARY}-key`)
  const told: unknown = await rig.close().then(
    () => null,
    (error: Error) => error.message,
  )
  for (const of of ['in 3 places', 'planted-1', 'planted-2', 'planted-3']) expect(told).toContain(of)
})
