/** The files of the repository that these tests are about. */

import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

export const pathOf = (path: string): string => `${ROOT}${path}`
export const textOf = (path: string): string => readFileSync(pathOf(path), 'utf8')
/** `merge`: compose files use `<<`. */
export const yamlOf = <T>(path: string): T => parse(textOf(path), { merge: true }) as T

/** Paths of a directory's files with this ending, in order. */
export function filesIn(directory: string, ending: string): string[] {
  return readdirSync(pathOf(directory))
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => `${directory}/${name}`)
}

/** Given with a version (or a digest) that does not move on its own. */
export function isPinned(image: string): boolean {
  return /@sha256:[0-9a-f]{64}$/.test(image) || /:v?\d+\.\d+\.\d+(-[a-z0-9.-]+)?$/.test(image)
}
