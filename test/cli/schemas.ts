/** What each command prints with --json: every field, and none besides. */

import * as z from 'zod/mini'
import { HAND_ACTIONS } from '../../src/domain/by-hand.ts'

export const activitySchema = z.strictObject({
  at: z.iso.datetime(),
  who: z.string().check(z.minLength(1), z.maxLength(128)),
  action: z.enum(HAND_ACTIONS),
  arguments: z.record(z.string(), z.unknown()),
  count: z.nullable(z.int().check(z.nonnegative())),
  state: z.enum(['done', 'running', 'stopped', 'cut-off']),
  endedAt: z.nullable(z.iso.datetime()),
  id: z.nullable(z.string().check(z.regex(/^ac-[0-9a-f]{24}$/))),
})
