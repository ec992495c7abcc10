/**
 * How much a step of a walk may ask of Redis, and how long the walk rests after it: learned from how long Redis took for the
 * steps before. A script cannot stop itself in time, because since Redis 7.2 its clock stands still.
 */

/** A step is to take Redis so long, well below the 5 ms after which others would notice. */
const AIM_MS = 1
/** Before anything is known: as where Redis is slow. In commands of a script. */
const FIRST_WORK = 200
const LEAST_WORK = 50
const MOST_WORK = 4000
/** So many times as long as the step took: Redis has half of its time at least for others. */
const REST = 1
const REST_MAX_MS = 100
/** How much the newest step counts, and how many times as long as expected it may have taken: it may have been interrupted. */
const NEWEST = 0.3
const MOST_TIMES = 3

export class WalkPace {
  #msEach = AIM_MS / FIRST_WORK
  #lastWork = 0

  /** For the next step, in commands. */
  get work(): number {
    return Math.min(MOST_WORK, Math.max(LEAST_WORK, Math.floor(AIM_MS / this.#msEach)))
  }

  get restMs(): number {
    return Math.min(REST_MAX_MS, REST * this.#lastWork * this.#msEach)
  }

  /** By Redis' clock. */
  took(work: number, ms: number): void {
    this.#lastWork = work
    if (work < LEAST_WORK || !(ms > 0)) return
    this.#msEach += NEWEST * (Math.min(ms / work, MOST_TIMES * this.#msEach) - this.#msEach)
  }
}
