#!/usr/bin/env node
import { run } from './cli/run.ts'
import { ProcessOptions } from './cli/terminal/process-options.ts'

/** A command has said all by its end. What it left (a connection to a Redis that hangs, say) must not keep the process. */
const LEAVE_WITHIN_MS = 100

process.exitCode = await run(process.argv, new ProcessOptions())
setTimeout(() => process.exit(), LEAVE_WITHIN_MS).unref()
