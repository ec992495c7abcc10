/** Whoever installs this on the oldest Node that package.json allows reads no warning: each package of the lock file allows it, too. */

import { minVersion, satisfies, validRange } from 'semver'
import { expect, test } from 'vitest'
import ours from '../../package.json' with { type: 'json' }
import lock from '../../package-lock.json' with { type: 'json' }

interface Locked {
  version?: string
  engines?: { node?: string } | string[]
}

test('each package allows the oldest Node that we allow', () => {
  const oldest = minVersion(ours.engines.node)?.version ?? ''
  expect(validRange(ours.engines.node)).not.toBeNull()
  const refusing = Object.entries(lock.packages as Record<string, Locked>).flatMap(([path, { version, engines }]) => {
    const node = Array.isArray(engines) ? undefined : engines?.node
    return node === undefined || satisfies(oldest, node) ? [] : [`${path}@${version} wants Node ${node}`]
  })
  expect(refusing).toEqual([])
})
