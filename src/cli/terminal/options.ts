/** Flags that mirror the table of variables, and the Config they make with the environment. */

import { type Command, Option } from 'commander'
import { type Loaded, loadConfig } from '../../config/config.ts'
import { VARIABLES, type Variable, type VariableGroup } from '../../config/table.ts'
import { USUAL } from '../../config/usual.ts'
import type { Io } from './io.ts'

const HEADINGS: Record<VariableGroup, string> = {
  redis: 'Redis and queues:',
  queues: 'Redis and queues:',
  endpoint: 'SOAP service:',
  soap: 'SOAP service:',
  calls: 'Calls:',
  worker: 'Worker:',
  metrics: 'Worker:',
  stop: 'Worker:',
  api: 'HTTP API:',
  webhook: 'Webhook:',
  log: 'Log:',
}

/** A secret has no flag of its own, because anybody on the machine can read a process's arguments. */
export function flagOf({ name, secret }: Variable<unknown>): string {
  const flag = `--${name.toLowerCase().replaceAll('_', '-')}`
  return secret === 'whole' ? `${flag}-file <path>` : `${flag} <value>`
}

/** Adds a flag for each variable of these groups; two for one that is partly a secret. Help shows the usual ones. */
export function withVariables(
  command: Command,
  groups: readonly VariableGroup[],
  needs: readonly VariableGroup[] = groups,
): Command {
  const options = inGroups(groups).flatMap((variable) => optionsOf(variable, needs))
  for (const option of options) command.addOption(option)
  const folded = options.filter(({ hidden }) => hidden)
  if (folded.length === 0) return command
  const headings = [...new Set(folded.map(({ helpGroupHeading = '' }) => headingInWords(helpGroupHeading)))]
  const more = `${folded.length} more flags (${headings.join('; ')})`
  return command.helpOption('-h, --help [all]', `display help; --help all shows ${more}`)
}

/** For `--help all`. */
export function unfold(command: Command): void {
  for (const option of command.options) option.hideHelp(false)
}

function optionsOf(variable: Variable<unknown>, needs: readonly VariableGroup[]): Option[] {
  const { name, meaning, group, secret } = variable
  const variableName = secret === 'whole' ? `${name} or ${name}_FILE` : name
  const described = `${meaning.replaceAll('`', '')} (${variableName}; ${standardOf(variable, needs)})`
  const option = new Option(flagOf(variable), described).helpGroup(HEADINGS[group]).hideHelp(!isUsual(variable))
  if (secret !== 'password') return [option]
  const flag = `${flagOf(variable).replace(' <value>', '-file <path>')}`
  const file = new Option(flag, `file with it, where it has a password (${name}_FILE)`).helpGroup(HEADINGS[group])
  return [option, file.hideHelp()]
}

function standardOf({ fallback, required, group }: Variable<unknown>, needs: readonly VariableGroup[]): string {
  if (fallback !== undefined) return `default ${fallback}`
  return required && needs.includes(group) ? 'required' : 'not set by default'
}

function isUsual(variable: Variable<unknown>): boolean {
  return USUAL.some((key) => VARIABLES[key] === variable)
}

function headingInWords(heading: string): string {
  return heading.replace(/:$/, '')
}

/** What a command reads, and no more: its flags above the environment. Says what is wrong and throws, or warns of typos. */
export function configOf<G extends VariableGroup>(
  command: Command,
  io: Pick<Io, 'env' | 'say'>,
  groups: readonly G[],
  needs: readonly VariableGroup[] = groups,
): Loaded<G> {
  const loaded = loadConfig(io.env, flagsOf(command, groups), needs, groups)
  for (const warning of loaded.warnings) io.say(`warning: ${warning}`)
  return loaded
}

/** What was given as flags, by the names of their variables. */
export function flagsOf(command: Command, groups: readonly VariableGroup[]): Record<string, string> {
  const options = command.opts() as Record<string, string | undefined>
  const flags: Record<string, string> = {}
  for (const variable of inGroups(groups)) {
    for (const name of [variable.name, `${variable.name}_FILE`]) {
      const given = options[attributeOf(name)]
      if (given !== undefined) flags[name] = given
    }
  }
  return flags
}

/** As commander names what `--some-name` sets. */
function attributeOf(name: string): string {
  return name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
}

function inGroups(groups: readonly VariableGroup[]): Variable<unknown>[] {
  return (Object.values(VARIABLES) as Variable<unknown>[]).filter(({ group }) => groups.includes(group))
}
