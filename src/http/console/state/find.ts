/** What is looked for, and what was found. It lives here alone: not in the address, not in the browser's storage. */

import { signal } from '@preact/signals'
import type { Selection } from '../../../domain/selection.ts'
import type { LookupView } from '../../../fleet/find.ts'
import { ask, query, Refused } from './api.ts'

export interface Found {
  lookups: LookupView[]
  next: string | null
  looked: number
}

/** As the fields of the form have it. */
export const fields = signal<Readonly<Record<string, string>>>({})
export const found = signal<Found | null>(null)
export const findProblem = signal<string | null>(null)
export const isSearching = signal(false)
/** The id of the lookup whose story is shown. */
export const shownLookup = signal<string | null>(null)

const PAGE = 50

export function selectionOf(given: Readonly<Record<string, string>>): Selection {
  const numbers = ['httpStatus', 'responseCode', 'olderThanMs', 'newerThanMs']
  const entries = Object.entries(given).filter(([, value]) => value !== '')
  return Object.fromEntries(
    entries.map(([name, value]) => [name, numbers.includes(name) ? Number(value) : value]),
  ) as Selection
}

/** From the beginning, or on from where the last page ended. */
export async function search(isMore = false): Promise<void> {
  const given = Object.values(fields.value).some((value) => value !== '') ? fields.value : { all: 'true' }
  const before = isMore ? found.value : null
  isSearching.value = true
  if (!isMore) shownLookup.value = null
  findProblem.value = null
  try {
    const page = await ask<Found>(
      'GET',
      `v1/lookups${query({ ...given, limit: PAGE, next: before?.next ?? undefined })}`,
    )
    const looked = (before?.looked ?? 0) + page.looked
    found.value = { ...page, lookups: [...(before?.lookups ?? []), ...page.lookups], looked }
  } catch (error) {
    findProblem.value = error instanceof Refused ? error.message : String(error)
  }
  isSearching.value = false
}
