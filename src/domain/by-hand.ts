/** What a person, or a program of theirs, has done to a running fleet. */

/** `show`: what the service said of a lookup was looked at. */
export const HAND_ACTIONS = [
  ...(['hold', 'release', 'limit', 'accept-code'] as const),
  ...(['cancel', 'redrive', 'drop', 'forget', 'show'] as const),
] as const
export type HandAction = (typeof HAND_ACTIONS)[number]

export interface ByHand {
  /** `user@host` of a command, or the name of a token. */
  who: string
  action: HandAction
  /** What it was asked for, small enough to be kept. No id of a connection, a correlation or a lookup: only hashes of those. */
  arguments: Readonly<Record<string, unknown>>
}
