import { afterEach, describe, expect, it } from 'vitest'
import { idle, type Rig, startRig } from './rig.ts'

let rig: Rig
afterEach(() => rig.close())

/** Where the transaction that publishes a result begins. */
const PUBLISHES = 'ce:guard'

describe('a worker that is killed', () => {
  it('after the service has answered and before the result is out, costs a second call and nothing else', async () => {
    rig = await startRig({ workers: 1 })
    const [first] = rig.workers
    const died = new Promise<void>((resolve) => {
      if (!first) return
      first.proxy.watch = (text, direction, link) => {
        if (direction !== 'to-server' || !text.includes(PUBLISHES)) return
        link.lose('to-server')
        void first.kill('SIGKILL').then(() => resolve())
      }
    })
    const [id = ''] = await rig.enqueue(1)
    await died
    await rig.startWorker()
    const audit = await rig.auditor.complete()
    await idle(rig)
    expect(audit).toMatchObject({ accepted: 1, results: 1, lost: [], duplicates: [], notEnriched: [] })
    expect(rig.auditor.of(id)).toMatchObject([{ attempts: 2 }])
    expect(rig.service.calls).toHaveLength(2)
    expect(await rig.charged()).toBe(0)
    expect(await rig.metric('lookups_recovered_total')).toBe(1)
  })
})
