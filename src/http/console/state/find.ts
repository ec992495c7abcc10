/** What is looked for, and what was found. It lives here alone: not in the address, not in the browser's storage. */

import { effect, signal } from '@preact/signals'
import { stateAt } from '../../../domain/lookup-place.ts'
import type { Selection } from '../../../domain/selection.ts'
import type { LookupView } from '../../../fleet/find.ts'
import { ask, query, Refused } from './api.ts'
import type { Story } from './story.ts'

type Fields = Readonly<Record<string, string>>

export interface Found {
  lookups: LookupView[]
  next: string | null
  looked: number
  /** When it was read, by this machine's clock. */
  at: number
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

/** From the beginning. */
export function search(): Promise<void> {
  shownLookup.value = null
  return show(pageAfter(null, filled(fields.value)))
}

/** On from where the last page ended. */
export async function searchOn(): Promise<void> {
  const { value } = found
  if (value) await show(pageAfter(value, value.filters))
}

/** Counts up when something was done here to lookups: what is shown of them is read anew. */
export const acted = signal(0)

effect(() => {
  const before = found.peek()
  if (acted.value > 0 && before && !isSearching.peek()) void show(again(before))
})

/** The search under way: what is answered to an earlier one is not shown any more. */
let lastSearch = 0

async function show(reading: Promise<Found>): Promise<void> {
  const mine = ++lastSearch
  isSearching.value = true
  findProblem.value = null
  try {
    const read = await reading
    if (mine !== lastSearch) return
    found.value = read
  } catch (error) {
    if (mine !== lastSearch) return
    findProblem.value = error instanceof Refused ? error.message : String(error)
  }
  isSearching.value = false
}

/** As many pages as there were. */
async function again({ filters, lookups }: Found): Promise<Found> {
  let read = await pageAfter(null, filters)
  for (let left = Math.ceil(lookups.length / PAGE) - 1; left > 0 && read.next !== null; left--) {
    read = await pageAfter(read, filters)
  }
  return read
}

/** With all that was found before it. */
async function pageAfter(before: Found | null, filters: Fields): Promise<Found> {
  const given = Object.keys(filters).length > 0 ? filters : { all: 'true' }
  const path = `v1/lookups${query({ ...given, limit: PAGE, next: before?.next ?? undefined })}`
  const page = await ask<Pick<Found, 'lookups' | 'next' | 'looked'>>('GET', path)
  const looked = (before?.looked ?? 0) + page.looked
  return { ...page, lookups: [...(before?.lookups ?? []), ...page.lookups], looked, filters, at: Date.now() }
}

/** A lookup's story is newer than its line in the list. */
export function tellList({ lookupId, queue, state, result, end, waits, dueAt }: Story): void {
  if (!found.value) return
  const place = stateAt(state)
  const told = {
    ...{ state: place === 'gone' ? ('finished' as const) : place, waits, dueAt },
    ...{ result: result ?? end?.status ?? null, endedAt: end?.finishedAt ?? null },
    ...(end && { failure: end.code, calls: end.calls }),
  }
  const isIt = (one: LookupView) => one.lookupId === lookupId && one.queue === queue
  const lookups = found.value.lookups.map((one) => (isIt(one) ? { ...one, ...told } : one))
  found.value = { ...found.value, lookups }
}

function filled(given: Fields): Fields {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''))
}
