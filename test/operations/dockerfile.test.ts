import { DockerfileParser } from 'dockerfile-ast'
import { validate } from 'dockerfile-utils'
import { describe, expect, test } from 'vitest'
import { isPinned, textOf } from './repository.ts'

const text = textOf('Dockerfile')
const file = DockerfileParser.parse(text)
const instructions = file.getInstructions()
const contentOf = (keyword: string): (string | null)[] =>
  instructions.filter((it) => it.getKeyword() === keyword).map((it) => it.getArgumentsContent())

/** Instructions of the last stage: the image that runs. */
const lastFrom = instructions.findLastIndex((it) => it.getKeyword() === 'FROM')
const runtime = instructions.slice(lastFrom)
const inRuntime = (keyword: string): string[] =>
  runtime.filter((it) => it.getKeyword() === keyword).map((it) => it.toString().slice(keyword.length + 1))

describe('Dockerfile', () => {
  test('is a Dockerfile', () => {
    expect(validate(text)).toEqual([])
    expect(validate('FROM node:24.0.0\nHELTHCHECK NONE\n')).not.toEqual([])
  })

  test('starts every stage from the same version of Node 24, which does not move', () => {
    const images = file.getFROMs().map((from) => from.getImage() ?? '')
    expect(images.length).toBeGreaterThan(1)
    expect(new Set(images).size).toBe(1)
    expect(images[0]).toMatch(/^node:24\./)
    expect(images.every(isPinned)).toBe(true)
  })

  test('does not run as root, and says so by number', () => {
    expect(inRuntime('USER').at(-1)).toMatch(/^[1-9]\d*(:[1-9]\d*)?$/)
    const after = runtime.slice(runtime.findLastIndex((it) => it.getKeyword() === 'USER')).map((it) => it.getKeyword())
    expect(after).not.toContain('COPY')
    expect(after).not.toContain('RUN')
  })

  test('runs the program itself, so that signals reach it', () => {
    expect(JSON.parse(inRuntime('ENTRYPOINT').at(-1) ?? '')).toEqual(['node', 'dist/main.js'])
    expect(JSON.parse(inRuntime('CMD').at(-1) ?? '')).toEqual(['worker'])
  })

  test('says whether it is healthy, without a shell', () => {
    const [check = ''] = inRuntime('HEALTHCHECK')
    const command = JSON.parse(check.slice(check.indexOf('['))) as string[]
    expect(command.slice(0, 2)).toEqual(['node', '-e'])
    expect(command[2]).toContain('/livez')
    expect(() => new Function(command[2] ?? '')).not.toThrow()
  })

  test('installs what the lock file says, and runs no install scripts', () => {
    const installs = contentOf('RUN').filter((it) => it?.includes('npm ') && !it.includes('npm run'))
    expect(installs).toHaveLength(2)
    for (const install of installs) expect(install).toMatch(/npm ci .*--ignore-scripts/)
  })

  test('leaves development dependencies and sources behind', () => {
    expect(inRuntime('RUN')).toEqual([])
    expect(inRuntime('COPY')).toEqual([
      'package.json ./',
      '--from=dependencies /app/node_modules ./node_modules',
      '--from=build /app/dist ./dist',
    ])
    expect(contentOf('RUN').filter((it) => it?.includes('--omit=dev'))).toHaveLength(1)
  })
})

describe('.dockerignore', () => {
  const lines = textOf('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))

  test('lets nothing in that is not named', () => {
    expect(lines[0]).toBe('*')
  })

  test('lets in what the build needs', () => {
    expect(lines).toEqual(
      expect.arrayContaining(['!package.json', '!package-lock.json', '!tsconfig.json', '!tsconfig.build.json', '!src']),
    )
  })

  test('keeps secrets and local builds out', () => {
    for (const line of lines) expect(line).not.toMatch(/^!.*(secrets|\.env|node_modules|dist|\.git)/)
  })
})
