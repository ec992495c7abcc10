/** Role: what somebody who asks over HTTP may do. */

export const ROLES = ['enqueue', 'results', 'view', 'operate', 'forget'] as const
export type Role = (typeof ROLES)[number]

/** Whoever may act on the fleet may look at it. */
export function allows(roles: readonly Role[], wanted: Role): boolean {
  return roles.includes(wanted) || (wanted === 'view' && roles.includes('operate'))
}
