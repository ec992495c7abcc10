import { describe, expect, it, vi } from 'vitest'
import { Tap } from './tap.ts'

/** A worker as BullMQ's, as far as a tap has to do with it. */
function worker() {
  return {
    concurrency: 32,
    takes: true,
    waited: false,
    async pause(doNotWaitForRunning: boolean) {
      this.waited ||= !doNotWaitForRunning
      this.takes = false
    },
    resume() {
      this.takes = true
    },
  }
}

function begun(of: ReturnType<typeof worker>): Tap {
  const tap = new Tap(of)
  tap.begin()
  return tap
}

describe('the tap of a worker', () => {
  // Fails without: src/worker/tap.ts: 'start'
  it('starts nothing before it begins, and shuts then what somebody has shut before', () => {
    const of = { ...worker(), takes: false }
    const pause = vi.spyOn(of, 'pause')
    const tap = new Tap(of)
    tap.shut('rest')
    tap.open('rest')
    expect(tap.letOneThrough()).toBe(false)
    tap.shut('hold')
    expect(of.takes).toBe(false)
    expect(pause).not.toHaveBeenCalled()
    expect(tap.isOpen).toBe(false)
    tap.begin()
    expect(of.takes).toBe(false)
    expect(pause).toHaveBeenCalledOnce()
    tap.open('hold')
    expect(of.takes).toBe(true)
  })

  it('is shut at once, without waiting for what runs, and open again', () => {
    const of = worker()
    const tap = begun(of)
    tap.shut('hold')
    expect(of).toMatchObject({ takes: false, waited: false })
    expect(tap.isShutBy('hold')).toBe(true)
    tap.open('hold')
    expect(of.takes).toBe(true)
  })

  it('is open when nobody shuts it any more', () => {
    const of = worker()
    const tap = begun(of)
    tap.shut('hold')
    tap.shut('rest')
    tap.open('hold')
    expect(of.takes).toBe(false)
    tap.open('rest')
    expect(of.takes).toBe(true)
  })

  it('is not opened by who has not shut it', () => {
    const of = worker()
    const tap = begun(of)
    tap.shut('hold')
    tap.open('rest')
    expect(of.takes).toBe(false)
  })

  it('lets one lookup through as a probe, and all of them when the hold is over', () => {
    const of = worker()
    const tap = begun(of)
    tap.shut('hold')
    expect(tap.letOneThrough()).toBe(true)
    expect(of).toMatchObject({ takes: true, concurrency: 1 })
    tap.shut('hold')
    expect(of.takes).toBe(false)
    tap.open('hold')
    expect(of).toMatchObject({ takes: true, concurrency: 32 })
  })

  it('lets none through while something else shuts it, nor while it is open', () => {
    const of = worker()
    const tap = begun(of)
    expect(tap.letOneThrough()).toBe(false)
    tap.shut('hold')
    tap.shut('rest')
    expect(tap.letOneThrough()).toBe(false)
    expect(of).toMatchObject({ takes: false, concurrency: 32 })
  })

  it('leaves a worker alone that is being closed', () => {
    const of = worker()
    const tap = begun(of)
    tap.stop()
    tap.shut('hold')
    expect(of.takes).toBe(true)
    tap.open('hold')
    expect(tap.letOneThrough()).toBe(false)
  })
})
