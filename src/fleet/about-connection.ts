/** Whether a job in one of our queues is about a connection id, whoever wrote the job and however broken it is. */

import { fromIso } from '../clock.ts'
import { echo } from '../domain/lookup.ts'

/** The job's fields in Redis; null: it has no such field. */
export interface FoundJob {
  id: string
  name: string | null
  /** Its JSON, or what should be. */
  data: string | null
  timestamp: string | null
}

/**
 * A lookup says its connection id; a result also has it in its ChatRequest. A job that says none, or is no JSON, is about
 * the id if it mentions it at all.
 */
export function isAbout({ id, name, data }: FoundJob, connectionId: string): boolean {
  const said = connectionIdsIn(data)
  if (said.length > 0) return said.some((one) => one === connectionId || one === echo(connectionId))
  return [id, name ?? '', data ?? ''].some((text) => mentions(text, connectionId))
}

/** Which lookup a result belongs to, as it says itself; `enqueuedAt` 0: it does not say when. */
export function lookupIn(data: string | null): { lookupId?: string; enqueuedAt: number } {
  const { lookupId, enqueuedAt } = parsed(data) ?? {}
  const at = typeof enqueuedAt === 'string' ? fromIso(enqueuedAt) : 0
  return { ...(typeof lookupId === 'string' ? { lookupId } : {}), enqueuedAt: at || 0 }
}

function connectionIdsIn(data: string | null): string[] {
  const value = parsed(data)
  const said = [
    value?.connectionId,
    (value?.chatRequest as { idConnection?: unknown } | null | undefined)?.idConnection,
  ]
  return said.filter((one) => typeof one === 'string' || typeof one === 'number').map(String)
}

function parsed(data: string | null): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(data ?? '')
    return typeof value === 'object' ? (value as Record<string, unknown> | null) : null
  } catch {
    return null
  }
}

/** Looks for the id as a word of its own, so that 12 is not found in 3124; also as JSON would write it. */
export function mentions(text: string, connectionId: string): boolean {
  return [connectionId, JSON.stringify(connectionId).slice(1, -1)].some((word) => {
    for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
      const isPart = /^[\p{L}\p{N}]$/u
      if (!isPart.test(text[at - 1] ?? '') && !isPart.test(text[at + word.length] ?? '')) return true
    }
    return false
  })
}
