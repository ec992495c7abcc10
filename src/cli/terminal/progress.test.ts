import { PassThrough } from 'node:stream'
import { describe, expect, it, vi } from 'vitest'
import { pacedProgress } from './action.ts'
import { Io } from './io.ts'

function progressOn(isTTY: boolean) {
  const stderr = Object.assign(new PassThrough(), { isTTY, columns: 120 })
  const { signal } = new AbortController()
  const io = new Io({ env: {}, stdin: new PassThrough(), stdout: new PassThrough(), stderr, signal })
  const progress = pacedProgress(io, 'lookups cancelled', null, false)
  const told = (done: number, waitsFor: string | null) =>
    progress.onProgress({ done, refused: 0, looked: done, waitsFor })
  let text = ''
  stderr.on('data', (data) => {
    text += data
  })
  return { told, stop: () => progress.stop(), said: () => text }
}

describe('an action that waits', () => {
  it('says why behind its bar, as long as it does', async () => {
    const { told, stop, said } = progressOn(true)
    told(3000, '3000 results wait')
    // The bar draws itself ten times a second.
    await vi.waitFor(() => expect(said()).toMatch(/3,000 lookups cancelled in \d+s; waits: 3000 results wait/))
    told(3001, null)
    stop()
    expect(said().split('lookups cancelled').at(-1)).not.toContain('waits')
  })

  it('says why once in a log, and again when it waits again', () => {
    const { told, stop, said } = progressOn(false)
    for (const why of ['one', 'one', null, 'another']) told(1, why)
    stop()
    expect(said()).toBe('waits: one\nwaits: another\n')
  })
})
