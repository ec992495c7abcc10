/** What somebody may do, before it is done: it is asked about first, and says what it will do. */

import { computed, signal } from '@preact/signals'
import type { Role } from '../../../domain/role.ts'
import { status } from './live.ts'
import { stopsOf } from './verdict.ts'

/** What an action would do, in words. */
export interface Plan {
  lines: string[]
  /** How many lookups; null: it is not about lookups. */
  count: number | null
  /** The first ten of them. */
  sample?: string[]
  /** What speaks against it, and does not forbid it. */
  warnings?: string[]
  /** Why it would be refused; null: it would not. */
  refused?: string | null
}

/** What somebody fills in before it is done. */
export interface Field {
  name: string
  label: string
  type: 'text' | 'number' | 'check'
  value: string
  isNeeded?: boolean
  min?: number
  max?: number
}

export type Input = Readonly<Record<string, string>>

export interface Action {
  title: string
  role: Role
  fields?: readonly Field[]
  /** It cannot be taken back. */
  isGrave?: boolean
  /** What the button says. */
  verb: string
  /** Asked anew when a field has changed, or what keeps lookups from being looked up. */
  plan(input: Input): Promise<Plan>
  command(input: Input): string
  /** Resolves to what came of it, in words. `count`: as planned. Rejects with a Refused. */
  run(input: Input, count: number | null): Promise<string>
}

/** What is asked about at the moment; null: nothing. */
export const asked = signal<Action | null>(null)

export function askFor(action: Action): void {
  asked.value = action
}

export function leave(): void {
  asked.value = null
}

/** What keeps lookups from being looked up. The API may have seen it before the page has, and it may end while somebody reads. */
export const stoppedBy = computed(() => {
  const { value } = status
  if (value === null) return ''
  const holds = value.serviceProblem === null ? value.holds.map(({ reason, kind }) => `${reason} ${kind}`) : []
  return [...holds, ...stopsOf(value).map(({ label }) => label)].join()
})

/** Above so many, the number must be typed. */
export const TYPED_ABOVE = 1000
