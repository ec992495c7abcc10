/** Who looks at the page, and what they may do. */

import { effect, signal } from '@preact/signals'
import { allows, type Role } from '../../../domain/role.ts'
import { ask, Refused, sessionEnded } from './api.ts'

export interface Session {
  /** Null: somebody on this machine, where there are no tokens. */
  name: string | null
  roles: readonly Role[]
}

/** Null: not known yet. `none`: whoever looks must log in. `ended`: they must do so again. */
export const session = signal<Session | 'none' | 'ended' | null>(null)

export function may(role: Role): boolean {
  const { value } = session
  return typeof value === 'object' && value !== null && allows(value.roles, role)
}

/** Whether there is something to log out of. */
export function isLoggedIn(): boolean {
  const { value } = session
  return typeof value === 'object' && value !== null && value.name !== null
}

export async function loadSession(): Promise<void> {
  try {
    session.value = await ask<Session>('GET', 'session')
  } catch (error) {
    if (error instanceof Refused && error.status === 401) session.value = 'none'
    else setTimeout(() => void loadSession(), 2000)
  }
}

/** Rejects with a Refused. */
export async function logIn(token: string): Promise<void> {
  await ask('POST', 'session', { token })
  session.value = await ask<Session>('GET', 'session')
}

export async function logOut(): Promise<void> {
  await ask('DELETE', 'session').catch(() => {})
  session.value = 'none'
}

effect(() => {
  if (sessionEnded.value > 0 && session.peek() !== 'none') session.value = 'ended'
})
