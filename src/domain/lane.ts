/** Lane: the two ways through the fleet. The interactive one is for lookups that a person waits for. */
export const LANES = ['batch', 'interactive'] as const
export type Lane = (typeof LANES)[number]
