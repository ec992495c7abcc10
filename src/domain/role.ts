/** Role: what somebody who asks over HTTP may do. */

export const ROLES = ['enqueue', 'results', 'view', 'operate', 'forget'] as const
export type Role = (typeof ROLES)[number]

/** How somebody came in: by a token, by a session of a browser, or from this machine where there are no tokens. */
export const MODES = ['token', 'session', 'loopback'] as const
export type Mode = (typeof MODES)[number]

/** Whoever may act on the fleet may look at it. */
export function allows(roles: readonly Role[], wanted: Role): boolean {
  return roles.includes(wanted) || (wanted === 'view' && roles.includes('operate'))
}
