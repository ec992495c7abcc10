/** What is looked for, and what was found. It lives here alone: not in the address, not in the browser's storage. */

import { signal } from '@preact/signals'
import type { Selection } from '../../../domain/selection.ts'
import type { LookupView } from '../../../fleet/find.ts'
import { ask, query, Refused } from './api.ts'

type Fields = Readonly<Record<string, string>>

export interface Found {
  lookups: LookupView[]
  next: string | null
  looked: number
  /** What was asked for, whatever the form says since. */
  filters: Fields
}

/** As the fields of the form have it. */
export const fields = signal<Fields>({})
export const found = signal<Found | null>(null)
export const findProblem = signal<string | null>(null)
export const isSearching = signal(false)
/** The id of the lookup whose story is shown. */
export const shownLookup = signal<string | null>(null)

const PAGE = 50

export function selectionOf(given: Fields): Selection {
  const numbers = ['httpStatus', 'responseCode', 'olderThanMs', 'newerThanMs']
  const entries = Object.entries(given).filter(([, value]) => value !== '')
  return Object.fromEntries(
    entries.map(([name, value]) => [name, numbers.includes(name) ? Number(value) : value]),
  ) as Selection
}

/** The search under way: what is answered to an earlier one is not shown any more. */
let lastSearch = 0

/** Nothing is asked for, and nothing shown. */
export function startAnew(): void {
  lastSearch++
  fields.value = {}
  found.value = null
  findProblem.value = null
  isSearching.value = false
  shownLookup.value = null
}

/** With these fields and no others. */
export function searchFor(given: Fields): Promise<void> {
  fields.value = given
  return search()
}

/** From the beginning, or on from where the last page ended. */
export async function search(isMore = false): Promise<void> {
  const mine = ++lastSearch
  const before = isMore ? found.value : null
  const filters = before?.filters ?? filled(fields.value)
  isSearching.value = true
  if (!isMore) shownLookup.value = null
  findProblem.value = null
  try {
    const page = await readPage(filters, before?.next ?? null)
    if (mine !== lastSearch) return
    const looked = (before?.looked ?? 0) + page.looked
    found.value = { ...page, lookups: [...(before?.lookups ?? []), ...page.lookups], looked, filters }
  } catch (error) {
    if (mine !== lastSearch) return
    findProblem.value = error instanceof Refused ? error.message : String(error)
  }
  isSearching.value = false
}

function readPage(filters: Fields, next: string | null): Promise<Omit<Found, 'filters'>> {
  const given = Object.keys(filters).length > 0 ? filters : { all: 'true' }
  return ask('GET', `v1/lookups${query({ ...given, limit: PAGE, next: next ?? undefined })}`)
}

function filled(given: Fields): Fields {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''))
}
