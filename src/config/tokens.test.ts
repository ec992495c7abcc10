import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { ConfigError, loadConfig } from './config.ts'

const folder = mkdtempSync(join(tmpdir(), 'chat-enricher-tokens-'))
afterAll(() => rmSync(folder, { recursive: true }))

function load(env: Record<string, string>) {
  return loadConfig(env, {}, [], ['api']).config
}

function problemsOf(env: Record<string, string>): string {
  try {
    load(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
  }
  throw new Error('expected a ConfigError, got none')
}

describe('API_TOKENS', () => {
  it('are entries by comma or line, with comments between', () => {
    const { apiTokens } = load({ API_TOKENS: '# programs\ncrm:enqueue:canary-1, ops:view+operate:a/b==\n\n' })
    expect(apiTokens?.()).toEqual([
      { name: 'crm', roles: ['enqueue'], token: 'canary-1' },
      { name: 'ops', roles: ['view', 'operate'], token: 'a/b==' },
    ])
  })

  it.each([
    ['crm:enqueue', 'entry 1: a token that is not'],
    ['a:view:ok,a b:enqueue:canary', 'entry 2: a name that is not'],
    ['crm:enqueue+root:canary', 'entry 1: a role that there is not'],
    ['crm:enqueue:canary canary', 'entry 1: a token that is not'],
    ['a:view:canary,b:view:canary', 'one token twice'],
    ['# nobody', 'no entry'],
  ])('of %j are refused, without a word of them', (text, problem) => {
    expect(problemsOf({ API_TOKENS: text })).toContain(problem)
    expect(problemsOf({ API_TOKENS: text })).not.toContain('canary')
  })

  it('are read again when their file changes; while it holds a mistake or nothing, the last ones stand, and it says why', async () => {
    const file = join(folder, 'tokens')
    const right = 'crm:enqueue:canary-1'
    writeFileSync(file, right)
    const { apiTokens } = load({ API_TOKENS_FILE: file })
    const names = () => apiTokens?.().map(({ name }) => name)
    const trouble = (wanted: unknown) => vi.waitFor(() => expect(apiTokens?.trouble()).toEqual(wanted), 3000)
    expect([names(), apiTokens?.trouble()]).toEqual([['crm'], null])
    writeFileSync(file, 'a:view:canary-2\ncrm:nothing:canary-1\n')
    await trouble('entry 2 (crm): a role that there is not')
    // A name that nobody knew may be a token in the wrong place.
    writeFileSync(file, 'canary-3:crm:enqueue\n')
    await trouble('entry 1: a role that there is not')
    writeFileSync(file, '')
    await trouble('it is empty')
    writeFileSync(file, Buffer.from([0xff, 0xfe]))
    await trouble('it is UTF-16: save it as UTF-8')
    rmSync(file)
    await trouble('it cannot be read (ENOENT)')
    expect(names()).toEqual(['crm'])
    writeFileSync(file, right)
    await trouble(null)
    writeFileSync(file, 'crm:enqueue:one\nerp:enqueue:two\n')
    await vi.waitFor(() => expect(names()).toEqual(['crm', 'erp']), 5000)
  }, 20_000)

  it('are needed to listen beyond this machine', () => {
    expect(problemsOf({ API_HOST: '0.0.0.0' })).toMatch(
      /^API_HOST: expected 127.0.0.1.* without API_TOKENS, got 0.0.0.0/,
    )
    expect(load({ API_HOST: '0.0.0.0', API_TOKENS: 'a:view:b' }).apiHost).toBe('0.0.0.0')
    expect(load({ API_HOST: '::1' }).apiHost).toBe('::1')
  })
})
