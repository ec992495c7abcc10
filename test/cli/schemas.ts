/** What each command prints with --json: every field, and none besides. What the API says, too, has one schema for both. */

import * as z from 'zod/mini'
import { CHECKS } from '../../src/fleet/finding.ts'
import { endedPlanSchema, endedSchema, foundSchema } from '../../src/http/messages/actions.ts'
import { deadLetterGroupSchema } from '../../src/http/messages/dead-letters.ts'
import { storySchema as storyOfApi } from '../../src/http/messages/lookups.ts'

export { cancelledSchema, cancelPlanSchema } from '../../src/http/messages/actions.ts'
export { activitySchema } from '../../src/http/messages/fleet.ts'
export { dryRunSchema, forgottenSchema } from '../../src/http/messages/lookups.ts'
export { limitSchema, statusSchema } from '../../src/http/messages/status.ts'

const count = z.int().check(z.nonnegative())

const text = z.nullable(z.string())
export const deadLetterSchemas = {
  group: deadLetterGroupSchema,
  end: z.strictObject({ looked: count, unread: count, complete: z.boolean() }),
  plan: endedPlanSchema,
  acted: endedSchema,
}

/** A line of `enqueue`. */
export const enqueuedSchema = z.strictObject({
  line: count.check(z.positive()),
  lookupId: z.string().check(z.minLength(1)),
  connectionId: z.string().check(z.minLength(1)),
  correlationId: text,
})

/** Of `status LOOKUP_ID`. */
export const storySchema = storyOfApi.strict()

/** Of `find`: a line for each lookup, and the last one. */
export const findSchemas = { lookup: foundSchema, end: z.strictObject({ looked: count, complete: z.boolean() }) }

/** A line of `doctor`. */
export const findingSchema = z.strictObject({
  check: z.enum(CHECKS),
  status: z.enum(['pass', 'warn', 'fail']),
  says: z.string().check(z.minLength(1)),
  cure: text,
})
