import type { Command } from 'commander'

/** A command and what it does with its arguments and options; resolves to its exit code, 0 if nothing. */
export interface CliCommand {
  command: Command
  action(command: Command): Promise<number | undefined>
}
