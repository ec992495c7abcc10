/** Whether Redis still takes writes: when its memory is full it refuses them, and then nothing in a fleet moves. */

import { mastersOf, placeInWords, type Redis, type RedisPlace } from '../redis/connections.ts'

export interface RedisMemory {
  /** Where it is. */
  where: string
  usedBytes: number
  /** Null: no limit. */
  maxBytes: number | null
  /** The memory of its machine; null: it does not say. */
  machineBytes: number | null
  isFull: boolean
}

/** The server that has the least left; null if it does not say. */
export async function readMemory(redis: Redis, place: RedisPlace): Promise<RedisMemory | null> {
  const { where } = placeInWords(place)
  const texts = await Promise.all(mastersOf(redis).map((master) => master.info('memory').catch(() => '')))
  const read = texts.flatMap((text) => {
    const usedBytes = numberIn(text, 'used_memory')
    const max = numberIn(text, 'maxmemory')
    if (usedBytes === null || max === null) return []
    const machineBytes = numberIn(text, 'total_system_memory')
    return [{ where, usedBytes, maxBytes: max || null, machineBytes, isFull: max > 0 && usedBytes >= max }]
  })
  return read.toSorted((a, b) => shareOf(b) - shareOf(a))[0] ?? null
}

function shareOf({ usedBytes, maxBytes }: RedisMemory): number {
  return maxBytes === null ? 0 : usedBytes / maxBytes
}

function numberIn(text: string, name: string): number | null {
  const found = new RegExp(`^${name}:(\\d+)`, 'm').exec(text)
  return found ? Number(found[1]) : null
}
