/** Where a walk has come to, as a text that a client hands back. It says nothing to the client. */

import type { Selection } from '../domain/selection.ts'
import type { Bookmark } from '../queues/walk.ts'
import { shortHash } from '../redis/names.ts'
import type { WalkPoint } from './selected.ts'

/** The text is none of ours, or of another selection. */
export class InvalidCursor extends Error {}

export function writeCursor(point: WalkPoint, selection: Selection): string {
  return Buffer.from(JSON.stringify({ of: markOf(selection), ...point })).toString('base64url')
}

export function readCursor(text: string, selection: Selection): WalkPoint {
  const read = parsedJson(Buffer.from(text, 'base64url').toString())
  const { of, at, stop, bookmark } = Object(read) as Record<string, unknown>
  if (of !== markOf(selection) || !isCount(at) || !isCount(stop) || !(bookmark === null || isBookmark(bookmark)))
    throw new InvalidCursor('next: expected what the page before gave, with the same selection, got something else')
  return { at, stop, bookmark }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

const MOST_IDS = 8

function isBookmark(value: unknown): value is Bookmark {
  const { ids, at } = Object(value) as Record<string, unknown>
  const areIds = Array.isArray(ids) && ids.length <= MOST_IDS && ids.every((id) => typeof id === 'string')
  return areIds && typeof at === 'string' && /^[\d.e+-]{1,32}$/.test(at) && Number.isFinite(Number(at))
}

function markOf(selection: Selection): string {
  const given = Object.entries(selection).filter(([, value]) => value !== undefined)
  return shortHash(JSON.stringify(given.toSorted(([a], [b]) => (a < b ? -1 : 1))))
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
