/** Sees that the foreign clients are there: installs Debian's packages as root, or says what is missing and how to get it. */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const NEEDED: readonly { what: string; packages: readonly string[]; check: readonly string[] }[] = [
  { what: 'zeep for /usr/bin/python3', packages: ['python3-zeep'], check: ['/usr/bin/python3', '-c', 'import zeep'] },
  {
    what: 'PHP with its SoapClient',
    packages: ['php-cli', 'php-soap'],
    check: ['php', '-r', 'exit(class_exists("SoapClient") ? 0 : 1);'],
  },
]

const missing = () => NEEDED.filter(({ check: [command = '', ...args] }) => spawnSync(command, args).status !== 0)

/** Throws if a client is missing and could not be installed. */
export function ensureClients(): void {
  const before = missing()
  if (before.length === 0) return
  const packages = before.flatMap((each) => each.packages)
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) install(packages)
  const after = missing()
  if (after.length === 0) return
  throw new Error(
    `missing: ${after.map(({ what }) => what).join('; ')}\n` +
      `On Debian or Ubuntu: sudo apt-get install ${after.flatMap((each) => each.packages).join(' ')}`,
  )
}

function install(packages: readonly string[]): void {
  console.log(`Installing ${packages.join(', ')} with apt-get …`)
  const command = ['install', '-y', '-qq', '--no-install-recommends', ...packages]
  if (aptGet(command) !== 0) {
    aptGet(['update', '-qq'])
    aptGet(command)
  }
}

/** Its chatter goes to stderr, and only when it fails. */
function aptGet(args: readonly string[]): number | null {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { status, stdout, stderr } = spawnSync('apt-get', args, { env, encoding: 'utf8' })
  if (status !== 0) process.stderr.write(`apt-get ${args[0]}:\n${stdout}${stderr}`)
  return status
}
