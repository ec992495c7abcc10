import type * as z from 'zod'

/** At least one of the fields is there. */
export function anyOf<T extends z.ZodObject>(schema: T): T {
  const message = `expected at least one of ${Object.keys(schema.shape).join(', ')}`
  return schema.refine((value) => Object.values(value).some((field) => field !== undefined), message)
}
