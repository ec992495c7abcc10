/** The command line is not what the command takes: exit 2. */
export class UsageError extends Error {}
