/** Memory of another process, bytes, as Linux tells it. */

import { readFileSync, writeFileSync } from 'node:fs'

/** What it has in memory now. */
export function residentBytes(pid: number): number {
  return read(pid, 'VmRSS')
}

/** The most that it had since it was last asked to forget it, or has started. */
export function mostResidentBytes(pid: number): number {
  return read(pid, 'VmHWM')
}

export function forgetMostResident(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

function read(pid: number, name: string): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) * 1024
}
