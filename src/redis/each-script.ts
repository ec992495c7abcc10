/** A Lua script that does one thing for each of many who ask in the same turn; where it fails for one, it goes on with the next. */

import type { Redis } from './connections.ts'
import { Script } from './script.ts'

export interface ScriptInput {
  keys: string[]
  args: (string | number | Buffer)[]
}

/** How many of KEYS and ARGV stand first, for all, and how many come for each. */
export interface EachShape {
  first: { keys: number; args: number }
  each: { keys: number; args: number }
}

/** What an answer begins with where Redis refused that one. */
const REFUSED = 'error: '

export class EachScript {
  readonly #script: Script

  /**
   * `lua` defines `local function one(...)`, which takes the keys and arguments of one question and answers with anything but
   * nil; what stands before the function runs once, and may use KEYS and ARGV of all; `last` runs once behind all of them.
   */
  constructor(lua: string, { first, each }: EachShape, last = '') {
    this.#script = new Script(`
${lua}

local answers = {}
for i = 1, (#KEYS - ${first.keys}) / ${each.keys} do
  local key, arg = ${first.keys} + (i - 1) * ${each.keys}, ${first.args} + (i - 1) * ${each.args}
  local all = { unpack(KEYS, key + 1, key + ${each.keys}) }
  for a = 1, ${each.args} do all[${each.keys} + a] = ARGV[arg + a] end
  local done, answer = pcall(one, unpack(all))
  if not done then answer = '${REFUSED}' .. tostring(type(answer) == 'table' and answer.err or answer) end
  answers[i] = answer
end
${last}
return answers`)
  }

  /**
   * An answer for each, in order. If one alone was refused, its answer is the Error that Redis itself would have given.
   */
  async run<Answer>(redis: Redis, first: ScriptInput, each: ScriptInput[]): Promise<(Answer | Error)[]> {
    const keys = first.keys.slice()
    const args = first.args.slice()
    for (const one of each) {
      keys.push(...one.keys)
      args.push(...one.args)
    }
    const answers = (await this.#script.run(redis, keys, args)) as (Answer | string)[]
    return answers.map((answer) => (isRefused(answer) ? refusal(answer) : (answer as Answer)))
  }
}

function isRefused(answer: unknown): answer is string {
  return typeof answer === 'string' && answer.startsWith(REFUSED)
}

/** Redis may put the line of the script before what it says. */
function refusal(answer: string): Error {
  const said = answer.slice(REFUSED.length).replace(/^(?:@?user_script: ?\d+: )?-?/, '')
  return Object.assign(new Error(said), { name: 'ReplyError' })
}
