/** Flags that mirror the table of variables, and the Config they make with the environment. */

import { type Command, Option } from 'commander'
import { type Loaded, loadConfig } from '../../config/config.ts'
import { VARIABLES, type Variable, type VariableGroup } from '../../config/table.ts'
import type { Io } from './io.ts'

const HEADINGS: Record<VariableGroup, string> = {
  redis: 'Redis and queues:',
  queues: 'Redis and queues:',
  endpoint: 'SOAP service:',
  soap: 'SOAP service:',
  calls: 'Calls:',
  worker: 'Worker:',
  log: 'Log:',
}

/** A secret has no flag of its own, because anybody on the machine can read a process's arguments. */
export function flagOf({ name, secret }: Variable<unknown>): string {
  const flag = `--${name.toLowerCase().replaceAll('_', '-')}`
  return secret === 'whole' ? `${flag}-file <path>` : `${flag} <value>`
}

/** Adds a flag for each variable of these groups; two for one that is partly a secret. */
export function withVariables(
  command: Command,
  groups: readonly VariableGroup[],
  needs: readonly VariableGroup[] = groups,
): Command {
  for (const variable of inGroups(groups)) {
    const { fallback, required, name, meaning, group, secret } = variable
    const standard =
      fallback !== undefined
        ? `default ${fallback}`
        : required && needs.includes(group)
          ? 'required'
          : 'not set by default'
    const variableName = secret === 'whole' ? `${name} or ${name}_FILE` : name
    command.addOption(
      new Option(flagOf(variable), `${meaning.replaceAll('`', '')} (${variableName}; ${standard})`).helpGroup(
        HEADINGS[group],
      ),
    )
    if (secret === 'password') {
      const flag = `${flagOf(variable).replace(' <value>', '-file <path>')}`
      command.addOption(
        new Option(flag, `file with it, where it has a password (${name}_FILE)`).helpGroup(HEADINGS[group]),
      )
    }
  }
  return command
}

/** What a command reads, and no more: its flags above the environment. Says what is wrong and throws, or warns of typos. */
export function configOf<G extends VariableGroup>(
  command: Command,
  io: Pick<Io, 'env' | 'say'>,
  groups: readonly G[],
  needs: readonly VariableGroup[] = groups,
): Loaded<G> {
  const options = command.opts() as Record<string, string | undefined>
  const flags: Record<string, string> = {}
  for (const variable of inGroups(groups)) {
    for (const name of [variable.name, `${variable.name}_FILE`]) {
      const given = options[attributeOf(name)]
      if (given !== undefined) flags[name] = given
    }
  }
  const loaded = loadConfig(io.env, flags, needs, groups)
  for (const warning of loaded.warnings) io.say(`warning: ${warning}`)
  return loaded
}

/** As commander names what `--some-name` sets. */
function attributeOf(name: string): string {
  return name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
}

function inGroups(groups: readonly VariableGroup[]): Variable<unknown>[] {
  return (Object.values(VARIABLES) as Variable<unknown>[]).filter(({ group }) => groups.includes(group))
}
