import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { run } from './run.ts'

/** Runs a command line inside of this process. */
async function called(args: string[], env: Record<string, string> = {}, signal = new AbortController().signal) {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const said = Promise.all([text(stdout), text(stderr)])
  const code = await run(['node', 'chat-enricher', ...args], { env, stdin: Readable.from([]), stdout, stderr, signal })
  stdout.end()
  stderr.end()
  const [out, err] = await said
  return { code, out, err }
}

describe('a command line inside of a process', () => {
  it('reads the environment that it is given, and writes where it is told', async () => {
    const { code, out, err } = await called(['config', '--json'], { CONCURRENCY: '7', CONCURENCY: '1' })
    expect(code).toBe(0)
    expect(JSON.parse(out).CONCURRENCY).toEqual({ value: '7', source: 'environment' })
    expect(err).toContain('did you mean CONCURRENCY?')
  })

  it.each([
    [['--help'], 0, /Usage: chat-enricher/, /^$/],
    [['worker', '--help'], 0, /Usage: chat-enricher worker/, /^$/],
    [['--version'], 0, /^\d+\.\d+\.\d+\n$/, /^$/],
    [[], 2, /^$/, /Usage: chat-enricher/],
    [['enque', '1'], 2, /^$/, /^error: unknown command 'enque'/],
    [['enqueue', '1', '--delay', 'x'], 2, /^$/, /^error: option '--delay <ms>'/],
    [['worker'], 78, /^$/, /^SOAP_ENDPOINT: /],
  ])('%j ends with exit code %d and leaves this process as it is', async (args, code, out, err) => {
    const listeners = process.eventNames().map((name) => process.listenerCount(name))
    expect(await called(args)).toEqual({ code, out: expect.stringMatching(out), err: expect.stringMatching(err) })
    expect(process.eventNames().map((name) => process.listenerCount(name))).toEqual(listeners)
    expect(process.exitCode).toBeUndefined()
  })

  it('stops when its signal says so', async () => {
    const stop = new AbortController()
    const ended = called(['stand-in', '--port', '0'], {}, stop.signal)
    stop.abort('SIGTERM')
    expect(await ended).toMatchObject({ code: 0, out: expect.stringMatching(/^stand-in: http/) })
  })
})
