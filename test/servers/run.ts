/** `npm run test:servers`: doctor and what leans on Redis most, on other servers than the one that is installed. */

import { runOnEach } from '../support/on-each.ts'
import { SERVERS, serverFolder } from './servers.ts'

const HELP = `npm run test:servers -- [options] [server …]

Takes servers from Debian's archive into node_modules/.cache, without installing them, and runs tests on each.
  ${Object.keys(SERVERS).join(', ')}; all of them where none is named
  --short   doctor alone: nothing on a good set-up, and each seeded mistake

Says SKIPPED where the archive cannot be reached.`

const SHORT = ['test/fleet/doctor.test.ts']
/** Scripts, queues, gate, rights, what Redis refuses, and a lookup from end to end. */
const ALL = [
  ...SHORT,
  'test/queues',
  'test/gate',
  'test/fleet/cluster.test.ts',
  'test/fleet/selected.test.ts',
  'test/fleet/ended-actions.test.ts',
  'test/operations/redis-rights.test.ts',
  'test/cli/redis-refusals.test.ts',
  'test/cli/forget.test.ts',
  'test/intake',
  'test/pipeline/lookup.test.ts',
]

runOnEach({
  help: HELP,
  of: 'server',
  all: Object.keys(SERVERS),
  folderOf: serverFolder,
  program: 'redis-server',
  files: { all: ALL, short: SHORT },
})
