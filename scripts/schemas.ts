/** Prints the JSON Schemas of both messages, made of the schemas that the code has; `--write` puts them into `schemas/`. */

import { mkdirSync, writeFileSync } from 'node:fs'
import * as z from 'zod/mini'
import { lookupSchema } from '../src/domain/lookup.ts'
import { resultSchema } from '../src/domain/result-schema.ts'

/** Open for fields that a later version adds, so that a reader of today accepts them. */
const OPEN = { io: 'input' } as const

export const SCHEMAS = {
  'schemas/lookup.json': { title: 'Data of a lookup job of chat-enricher', ...z.toJSONSchema(lookupSchema, OPEN) },
  'schemas/result.json': { title: 'Result of chat-enricher, version 1', ...z.toJSONSchema(resultSchema, OPEN) },
}

export type SchemaFile = keyof typeof SCHEMAS

export function textOf(file: SchemaFile): string {
  return `${JSON.stringify(SCHEMAS[file], null, 2)}\n`
}

if (process.argv[1]?.endsWith('schemas.ts')) {
  mkdirSync(new URL('../schemas', import.meta.url), { recursive: true })
  for (const file of Object.keys(SCHEMAS) as SchemaFile[]) {
    if (process.argv.includes('--write')) writeFileSync(new URL(`../${file}`, import.meta.url), textOf(file))
    else console.log(textOf(file))
  }
}
