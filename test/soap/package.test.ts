import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startStandIn } from '../../src/stand-in/stand-in.ts'
import { Packed, unchangedBy } from '../support/packed.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
let packed: Packed
/** Installed beside the bundle, with its licence in its own folder. */
const LEFT_OUT = ['@fastify/swagger-ui']

beforeAll(() => {
  packed = new Packed(['undici', 'fast-xml-parser', 'zod', '@types', 'undici-types'])
})
afterAll(() => packed.remove())

/** The program that the docs show. */
function program(): string {
  return /```js\n([\s\S]*?)```/.exec(readFileSync(join(root, 'docs/soap-client.md'), 'utf8'))?.[1] ?? ''
}

describe('the packed package', () => {
  it('runs the program that the docs show, which ends by itself', async () => {
    const standIn = await startStandIn()
    try {
      expect(await packed.run('program.js', program(), { SOAP_ENDPOINT: standIn.url })).toMatch(/^enriched \S+ 0\n$/)
    } finally {
      await standIn.close()
    }
  })

  it('says why a call failed, in words of ours', async () => {
    const printed = await packed.run('program.js', program(), { SOAP_ENDPOINT: 'http://127.0.0.1:1/' })
    expect(printed).toBe('transient network\n')
  })

  it('has types that the program fits, and others do not', () => {
    expect(packed.typeCheck(program())).toBe('')
    expect(packed.typeCheck(program().replace("lookup('12345'", 'lookup(12345'))).toContain('TS2345')
    expect(packed.typeCheck(program().replace('chatRequest?.userName', 'chatRequest.userName'))).toContain('TS18047')
  })

  it('carries the licence of every package that is bundled into the program', () => {
    const licences = readFileSync(join(packed.installed, 'dist', 'THIRD-PARTY-LICENSES.txt'), 'utf8')
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    for (const [name, version] of Object.entries(dependencies)) {
      if (!LEFT_OUT.includes(name)) expect(licences).toContain(`\n${name} ${version} (`)
    }
    expect(licences.match(/copyright/gi)?.length).toBeGreaterThan(Object.keys(dependencies).length)
  })

  it('changes nothing when it is imported', async () => {
    expect(await packed.run('import.js', unchangedBy('chat-enricher/soap'))).toBe('true\n')
  })
})
