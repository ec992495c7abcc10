/** Faults mixed at random. */

export async function randomRun(_options: { seed?: string; minutes?: string }): Promise<number> {
  throw new Error('to come')
}
