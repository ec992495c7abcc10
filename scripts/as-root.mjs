// Runs a command as root of a namespace of its own, with nothing but a loopback network, where the user is not root: tests that
// listen on port 53 and mount a file need that. As root it runs the command as it is. Where Linux forbids it, it says so, and the
// tests that need it are skipped.

import { spawnSync } from 'node:child_process'

const INSIDE = ['--user', '--map-root-user', '--net', '--mount', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']
const command = process.argv.slice(2)

function run(program, args, stdio = 'inherit') {
  const { status, error } = spawnSync(program, args, { stdio })
  return error ? 127 : (status ?? 1)
}

const isRoot = process.getuid?.() === 0
const canBe = !isRoot && run('unshare', [...INSIDE, 'true'], 'ignore') === 0
if (!isRoot && !canBe)
  console.warn(
    'not root, and no namespace of our own can be had (unshare and ip are needed, and the kernel must allow it)',
  )
const [program = '', ...args] = command
process.exitCode = canBe ? run('unshare', [...INSIDE, ...command]) : run(program, args)
