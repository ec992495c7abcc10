/** What the image sets for Node: memory is measured, and large answers are read, as it is shipped. */

import { readFileSync } from 'node:fs'

const DOCKERFILE = readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8')

export const SHIPPED_NODE_OPTIONS = /^\s*NODE_OPTIONS="?([^"\\\n]+?)"?(?:\s*\\)?$/m.exec(DOCKERFILE)?.[1] ?? ''
if (!SHIPPED_NODE_OPTIONS.includes('--max-old-space-size='))
  throw new Error('expected a heap limit in NODE_OPTIONS of the Dockerfile, got none')
