import { describe, expect, it, vi } from 'vitest'
import { Rest } from './rest-after-refusal.ts'
import { Tap } from './tap.ts'

function worker() {
  const made = { concurrency: 1, paused: false, pauses: 0, resumes: 0, pause, resume }
  async function pause() {
    if (!made.paused) made.pauses++
    made.paused = true
  }
  function resume() {
    made.paused = false
    made.resumes++
  }
  return made
}

function begun(of: ReturnType<typeof worker>): Tap {
  const tap = new Tap(of)
  tap.begin()
  return tap
}

describe('a worker whose Redis says no', () => {
  // Fails without: src/worker/tap.ts: 'start'
  it('before it has begun is not started by the end of its rest', async () => {
    const [unbegun, other] = [worker(), worker()]
    new Rest(new Tap(unbegun)).take()
    new Rest(begun(other)).take()
    await vi.waitFor(() => expect(other.resumes).toBe(1), { timeout: 5000 })
    expect(unbegun).toMatchObject({ pauses: 0, resumes: 0 })
  })

  it('rests once however many errors there are, is not ready meanwhile, and goes on by itself', async () => {
    const resting = worker()
    const rest = new Rest(begun(resting))
    expect(rest.isRecent).toBe(false)
    for (let i = 0; i < 10_000; i++) rest.take()
    expect(resting).toMatchObject({ paused: true, pauses: 1, resumes: 0 })
    expect(rest.isRecent).toBe(true)
    await vi.waitFor(() => expect(resting).toMatchObject({ paused: false, resumes: 1 }), { timeout: 5000 })
    expect(rest.isRecent).toBe(true)
  })

  it('rests twice as long if it is refused again', async () => {
    const resting = worker()
    const rest = new Rest(begun(resting))
    const lasted = async (resumes: number) => {
      const since = performance.now()
      rest.take()
      await vi.waitFor(() => expect(resting.resumes).toBe(resumes), { timeout: 10_000, interval: 5 })
      return performance.now() - since
    }
    const first = await lasted(1)
    const second = await lasted(2)
    expect(first).toBeGreaterThanOrEqual(495)
    expect(second).toBeGreaterThanOrEqual(995)
  })

  it('is not woken up again, nor sent to rest, once it stops', async () => {
    const [resting, later, other] = [worker(), worker(), worker()]
    const [tap, stopped] = [begun(resting), begun(later)]
    new Rest(tap).take()
    tap.stop()
    stopped.stop()
    new Rest(stopped).take()
    new Rest(begun(other)).take() // its rest ends after that of the first would have
    await vi.waitFor(() => expect(other.resumes).toBe(1), { timeout: 5000 })
    expect(resting).toMatchObject({ pauses: 1, resumes: 0 })
    expect(later).toMatchObject({ pauses: 0, resumes: 0 })
  })

  it('goes on only when the fleet does not hold either', async () => {
    const resting = worker()
    const tap = begun(resting)
    new Rest(tap).take()
    tap.shut('hold')
    await vi.waitFor(() => expect(tap.isShutBy('rest')).toBe(false), { timeout: 5000 })
    expect(resting).toMatchObject({ paused: true, resumes: 0 })
    tap.open('hold')
    expect(resting).toMatchObject({ paused: false, resumes: 1 })
  })
})
