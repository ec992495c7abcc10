import { filterWords } from '../state/filter-words.ts'
import { type Found, searchFor } from '../state/find.ts'
import { T } from '../texts.ts'

const EXACT = ['connectionId', 'correlationId']

/** What the list below was asked for; a click leaves that one out. */
export function Filters({ of: { filters } }: { of: Found }) {
  const names = Object.keys(filters)
  if (names.length === 0) return null
  return (
    <ul class="row chips" aria-label={T.find.filters}>
      {names.map((name) => (
        <li key={name}>
          <button type="button" class="chip" onClick={() => void searchFor(without(filters, [name]))}>
            <span class="unseen">{T.find.leaveOut} </span>
            {filterWords({ [name]: filters[name] })}
            <span aria-hidden="true"> ✕</span>
          </button>
        </li>
      ))}
    </ul>
  )
}

/** An id that is not found may be there all the same: the other filters are named, and left out with a click. */
export function NoneWithFilters({ of: { lookups, next, filters } }: { of: Found }) {
  const others = Object.keys(filters).filter((name) => !EXACT.includes(name))
  if (lookups.length > 0 || others.length === 0 || others.length === Object.keys(filters).length) return null
  return (
    <div class="notice row">
      <span role="status">{T.find.noneWith(filterWords(only(filters, others)), next !== null)}</span>
      <button type="button" onClick={() => void searchFor(without(filters, others))}>
        {T.find.withoutThem}
      </button>
    </div>
  )
}

function only(filters: Found['filters'], names: readonly string[]): Found['filters'] {
  return Object.fromEntries(Object.entries(filters).filter(([name]) => names.includes(name)))
}

function without(filters: Found['filters'], names: readonly string[]): Found['filters'] {
  return Object.fromEntries(Object.entries(filters).filter(([name]) => !names.includes(name)))
}
