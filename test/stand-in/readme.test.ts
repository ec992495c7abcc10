import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { BEHAVIOUR_NAMES, checkBehaviour } from '../../src/stand-in/behaviour.ts'
import { FAULT_KINDS } from '../../src/stand-in/stand-in.ts'

const section = readFileSync(new URL('../../docs/stand-in.md', import.meta.url), 'utf8')

describe('docs/stand-in.md', () => {
  it('tells of every fault, and of no other', () => {
    const table = section.slice(section.indexOf('| fault |'))
    const told = [...table.matchAll(/^\| (`.*?`) \|(.*)$/gm)].flatMap(([, names = '', text = '']) => [
      ...names.matchAll(/`([^`]+)`/g),
      ...text.matchAll(/`(429|503-retry-after)`/g),
    ])
    expect(told.map(([, name]) => name).sort()).toEqual([...FAULT_KINDS].sort())
  })

  it('shows a behaviour that is accepted, and names every setting', () => {
    const shown = /__faults --json '(\{.*?\})'/s.exec(section)?.[1] ?? ''
    expect(() => checkBehaviour(JSON.parse(shown))).not.toThrow()
    for (const name of BEHAVIOUR_NAMES) expect(section).toContain(name)
  })
})
