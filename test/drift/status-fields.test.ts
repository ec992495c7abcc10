import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import * as z from 'zod/mini'
import { statusSchema } from '../cli/schemas.ts'

/** The names of all fields, wherever they stand. */
function namesIn(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  const { properties } = schema as { properties?: object }
  return [...Object.keys(properties ?? {}), ...Object.values(schema).flatMap(namesIn)]
}

it('docs/operating.md tells of every field of status --json', () => {
  const docs = readFileSync(new URL('../../docs/operating.md', import.meta.url), 'utf8')
  const [, section = ''] = docs.split('## What `status --json` says\n')
  const told = new Set([...(section.split('\n## ')[0] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name))
  const fields = new Set(namesIn({ ...z.toJSONSchema(statusSchema, { unrepresentable: 'any' }), properties: {} }))
  expect(fields.size).toBeGreaterThan(60)
  expect([...fields].filter((name) => !told.has(name))).toEqual([])
})
