import { describe, expect, it } from 'vitest'
import { orAborted, QuickSignal, type Signal, sleep } from './clock.ts'

describe('a signal of ours', () => {
  it('calls each listener once, in their order, and none that was taken away', () => {
    const signal = new QuickSignal()
    const heard: string[] = []
    const second = () => heard.push('second')
    signal.addEventListener('abort', () => heard.push('first'))
    signal.addEventListener('abort', second)
    signal.addEventListener('abort', () => heard.push('third'))
    signal.removeEventListener('abort', second)
    signal.abort(new Error('why'))
    signal.abort(new Error('again'))
    expect(heard).toEqual(['first', 'third'])
    expect(() => signal.throwIfAborted()).toThrow('why')
  })

  it('lets a listener take itself away', () => {
    const signal = new QuickSignal()
    const heard: string[] = []
    const first = () => {
      heard.push('first')
      signal.removeEventListener('abort', first)
    }
    signal.addEventListener('abort', first)
    signal.addEventListener('abort', () => heard.push('second'))
    signal.abort(new Error('why'))
    expect(heard).toEqual(['first', 'second'])
  })
})

describe.each<[string, () => { signal: Signal; abort(reason: Error): void }]>([
  [
    'of ours',
    () => {
      const signal = new QuickSignal()
      return { signal, abort: (reason) => signal.abort(reason) }
    },
  ],
  [
    'of the engine',
    () => {
      const controller = new AbortController()
      return { signal: controller.signal, abort: (reason) => controller.abort(reason) }
    },
  ],
])('a wait with a signal %s', (_, made) => {
  const LONG_MS = 60_000

  it('ends with the reason when it aborts', async () => {
    const { signal, abort } = made()
    const waits = [sleep(LONG_MS, signal), orAborted(new Promise(() => {}), signal)]
    abort(new Error('enough'))
    for (const wait of waits) await expect(wait).rejects.toThrow('enough')
  })

  it('does not begin when it has aborted', async () => {
    const { signal, abort } = made()
    abort(new Error('enough'))
    await expect(sleep(LONG_MS, signal)).rejects.toThrow('enough')
  })

  it('ends by itself without it', async () => {
    const { signal } = made()
    await expect(sleep(1, signal)).resolves.toBeUndefined()
  })
})
