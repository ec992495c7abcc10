/** The command line that does the same as a click. */

import type { Selection } from '../../../domain/selection.ts'

/** `chat-enricher cancel --producer import --older-than 3600000ms`. */
export function commandOf(command: string, selection: Selection = {}, flags: readonly string[] = []): string {
  const selected = Object.entries(selection).flatMap(([field, value]) => flagOf(field, value))
  return ['chat-enricher', command, ...selected, ...flags].join(' ')
}

function flagOf(field: string, value: unknown): string[] {
  const name = `--${field.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
  if (value === undefined) return []
  if (value === true) return [name]
  return [name, field.endsWith('Ms') ? `${value}ms` : quoted(String(value))]
}

/** For a POSIX shell. */
export function quoted(text: string): string {
  return /^[\w.:@/+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
