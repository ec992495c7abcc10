import type { Command } from 'commander'
import type { Io } from './io.ts'

/** A command and what it does with its arguments and options; resolves to its exit code, 0 if nothing. */
export interface CliCommand {
  command: Command
  action(command: Command, io: Io): Promise<number | undefined>
}
