import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { SCHEMAS, type SchemaFile, textOf } from '../../scripts/schemas.ts'
import type { Failure } from '../../src/domain/failure.ts'
import { resultOf } from '../../src/domain/result.ts'
import { resultFor } from '../support/queues.ts'

const fileOf = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const read = (file: SchemaFile) => new Ajv2020({ validateFormats: false }).compile(JSON.parse(fileOf(file)))
const sample = () => JSON.parse(/```json\n([\s\S]*?)```/.exec(fileOf('README.md'))?.[1] ?? '')

describe('the JSON Schemas that are shipped', () => {
  it.each(Object.keys(SCHEMAS) as SchemaFile[])('%s is as the code has it (npm run schemas -- --write)', (file) => {
    expect(fileOf(file)).toBe(textOf(file))
  })

  it('accept the result that README shows, and one with a failure', () => {
    const fits = read('schemas/result.json')
    const result = resultFor({ lookupId: 'lk-1', queue: 'chat-lookups', enqueuedAt: 1_700_000_000_000, redrive: 0 })
    const failure: Failure = { code: 'soap-fault', class: 'permanent', reason: 'fault', message: 'x', httpStatus: 500 }
    for (const one of [sample(), result, resultOf(result, 'failed', { failure })]) {
      fits(one)
      expect(fits.errors).toBe(null)
    }
  })

  it('refuse a result that lacks a field or has another kind of value in it', () => {
    const fits = read('schemas/result.json')
    for (const wrong of [{ redrive: '0' }, { status: 'done' }, { chatRequest: {} }, { calls: -1 }, { version: 2 }]) {
      expect(fits({ ...sample(), ...wrong }), JSON.stringify(wrong)).toBe(false)
    }
    const { failure: _, ...without } = sample()
    expect(fits(without)).toBe(false)
  })

  it('accept lookups and refuse what is none', () => {
    const fits = read('schemas/lookup.json')
    expect(fits({ connectionId: '12345', correlationId: 'order-7', metadata: { a: [1] } })).toBe(true)
    for (const wrong of [{}, { connectionId: 12345 }, { connectionId: '' }, { connectionId: 'x'.repeat(257) }, []]) {
      expect(fits(wrong), JSON.stringify(wrong)).toBe(false)
    }
  })
})
