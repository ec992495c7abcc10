/** Redis is away, or refuses; the message names which one and the cure. It may be there again. */
export class RedisUnavailable extends Error {}
