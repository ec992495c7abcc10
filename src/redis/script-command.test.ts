import { Command } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { type Argument, ScriptCommand } from './script-command.ts'

const BYTES = Buffer.from(Array.from({ length: 256 }, (_, i) => i))

describe('a command that runs a script', () => {
  it.each<[what: string, args: Argument[]]>([
    ['plain text', ['4c1d', '1', 'bull:chat-lookups:1', 'x'.repeat(5000), '']],
    ['text beyond ASCII, and half a character', ['4c1d', '0', 'José', '\u{1F600}', 'a\ud800b', 'ÿ']],
    ['bytes', ['4c1d', '0', BYTES, 'id', Buffer.alloc(0), '']],
    ['bytes, and text beyond ASCII', ['4c1d', '0', 'José', BYTES, '\u{1F600}', 'a\ud800b', 'ÿ']],
  ])('with %s is on the wire what ioredis writes', (_, args) => {
    const written = new ScriptCommand('evalsha', args).toWritable()
    const theirs = new Command('evalsha', args).toWritable({})
    expect(Buffer.from(written as string)).toEqual(Buffer.from(theirs as string))
  })

  it('says in a Cluster where it goes', () => {
    const args = ['4c1d', '2', '{a}:1', '{a}:2', 'argument']
    expect(new ScriptCommand('evalsha', args).getKeys()).toEqual(['{a}:1', '{a}:2'])
  })
})
