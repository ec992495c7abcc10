import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type StandIn, startStandIn } from '../../src/stand-in/stand-in.ts'
import { CREDENTIALS } from './answers.ts'
import type { SoapVersion } from './clients.ts'
import { ANSWERS, compareAll } from './compare.ts'

let standIn: StandIn
beforeAll(async () => {
  standIn = await startStandIn({ answers: ANSWERS, credentials: CREDENTIALS })
})
afterAll(() => standIn.close())

describe('npm soap, from the WSDL of the stand-in', () => {
  it.each<SoapVersion>(['1.1', '1.2'])('reads every answer and fault in SOAP %s', async (version) => {
    const compared = await compareAll('node-soap', version, standIn.url)
    expect(compared.length).toBeGreaterThan(25)
    expect(compared.filter(({ problem }) => problem !== null)).toEqual([])
  })
})
