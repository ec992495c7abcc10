import type * as z from 'zod/mini'
import type { chatRequestSchema, responseSchema } from './result-schema.ts'

/**
 * ChatRequest: what the service knows about a chat, in our own names and types.
 *
 * Strings are exactly the service's characters. An element that was not sent (or is `xsi:nil`) is null, an empty one is
 * the empty string. Dates are the service's own text, with its offset or without one; .NET's least date is null.
 */
export type ChatRequest = z.infer<typeof chatRequestSchema>

/** The `response` element that goes with it. */
export type ServiceResponse = z.infer<typeof responseSchema>

/** What the service said in an answer that is not a fault. Either part may be missing. */
export interface ServiceRecord {
  response: ServiceResponse | null
  chatRequest: ChatRequest | null
}
