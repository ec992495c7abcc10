/**
 * Ids in a path. Whatever an address goes through takes "." and ".." out of it, also where they are encoded, so these two
 * stand there behind a "=": "=." and "=..". So that each id has a form of its own, "=." is "==.", and so on.
 */

export function idToPath(id: string): string {
  return encodeURIComponent(/^=*\.{1,2}$/.test(id) ? `=${id}` : id)
}

/** Of what stands in a path, decoded. */
export function idFromPath(part: string): string {
  return /^=+\.{1,2}$/.test(part) ? part.slice(1) : part
}
