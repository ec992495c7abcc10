import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { VARIABLES, type Variable } from '../../config/table.ts'
import { configOf, withVariables } from './options.ts'

const ALL = [
  'redis',
  'queues',
  'endpoint',
  'soap',
  'calls',
  'worker',
  'metrics',
  'stop',
  'api',
  'webhook',
  'log',
] as const
const variables = Object.values(VARIABLES) as Variable<unknown>[]

const io = { env: {}, say: (text: string) => expect.unreachable(text) }

function parsed(...args: string[]): Command {
  return withVariables(new Command('x'), ALL).exitOverride().parse(args, { from: 'user' })
}

describe('flags', () => {
  it('mirror the variables, and set them', () => {
    for (const { name, secret, fallback } of variables.filter(({ fallback }) => fallback !== undefined)) {
      const flag = `--${name.toLowerCase().replaceAll('_', '-')}`
      const { settings } = configOf(parsed(flag, fallback as string), io, ALL, [])
      expect(
        settings.find((setting) => setting.name === name),
        flag,
      ).toMatchObject({ source: 'flag' })
      expect(secret).not.toBe('whole')
    }
  })

  it('take no secret, for the arguments of a process can be read by anybody: only its file', () => {
    const flags = withVariables(new Command('x'), ALL).options.map(({ long }) => long)
    for (const { name, secret } of variables) {
      const flag = `--${name.toLowerCase().replaceAll('_', '-')}`
      expect(flags.includes(flag), flag).toBe(secret !== 'whole')
      expect(flags.includes(`${flag}-file`), `${flag}-file`).toBe(secret !== undefined)
    }
  })

  it('name their variable and its default', () => {
    for (const { name, fallback, required } of variables) {
      const standard = fallback !== undefined ? `default ${fallback}` : required ? 'required' : 'not set by default'
      const option = withVariables(new Command('x'), ALL).options.find(({ description }) =>
        new RegExp(`\\(${name}( or ${name}_FILE)?;`).test(description),
      )
      expect(option?.description, name).toContain(standard)
    }
  })

  it('are not called required where a command does without', () => {
    const described = (needs?: readonly ['redis']) =>
      withVariables(new Command('x'), ['redis', 'endpoint'], needs).options.find(
        ({ long }) => long === '--soap-endpoint',
      )
    expect(described()?.description).toContain('; required)')
    expect(described(['redis'])?.description).not.toContain('required')
  })

  it('are only those of the groups that a command uses', () => {
    const flags = withVariables(new Command('x'), ['redis']).options.map(({ long }) => long)
    expect(flags).toContain('--redis-url')
    expect(flags.every((flag) => flag?.startsWith('--redis-'))).toBe(true)
  })
})
