import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type StandIn, startStandIn } from '../../src/stand-in/stand-in.ts'
import { conformance, type Outcome } from './suite.ts'

const credentials = { publicKey1: 'key', encryptedUser: 'user', encryptedPassword: 'pass', encryptedSignature: 'sig' }
const subject = { credentials, connectionId: '12345' }

let standIn: StandIn
beforeAll(async () => {
  standIn = await startStandIn({ credentials })
})
afterAll(() => standIn.close())

async function outcomes(texts: boolean): Promise<Outcome[]> {
  const all: Outcome[] = []
  const wanted = { url: new URL(standIn.url), subject, version: null, texts }
  for await (const outcome of conformance(wanted)) all.push(outcome)
  return all
}

describe('the conformance suite', () => {
  it('finds nothing wrong with the stand-in as IIS', async () => {
    const all = await outcomes(true)
    expect(all.length).toBeGreaterThan(120)
    expect(all.filter(({ problem }) => problem !== null).map(({ each, problem }) => [each.name, problem])).toEqual([])
  })

  it('sees where Mono is not IIS, and says what was expected and got', async () => {
    standIn.set({ flavour: 'mono' })
    const wrong = (await outcomes(true)).filter(({ problem }) => problem !== null)
    standIn.set({ flavour: 'iis' })
    expect(wrong.find(({ each }) => each.name === 'an unknown SOAPAction')?.problem).toBe(
      'fault text: expected "Server did not recognize the value of HTTP Header SOAPAction: urn:x.", ' +
        'got "Server did not recognize the value of HTTP Header {0}: {1}."',
    )
  })

  it('refuses to go on when the connection id is not known or the credentials are wrong', async () => {
    standIn.set({ credentials: { ...credentials, encryptedPassword: 'other' } })
    await expect(outcomes(false)).rejects.toThrow('got status 200, response code 9')
    standIn.set({ credentials })
  })
})
