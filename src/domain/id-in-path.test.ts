import { expect, it } from 'vitest'
import { idFromPath, idToPath } from './id-in-path.ts'

it.each(['.', '..', '=.', '==..', '...', '=', '=x', '%2e', '%2e%2e', 'a/b?c#d', 'lk-0'])(
  '%s is found again by its path',
  (id) => {
    const { pathname } = new URL(`http://host/v1/lookups/${idToPath(id)}/show`)
    const [, , , part = '', show] = pathname.split('/')
    expect([idFromPath(decodeURIComponent(part)), show]).toEqual([id, 'show'])
  },
)
