/**
 * Every command that a worker, BullMQ or a command of ours sends or has a script send, each in a form that does no harm to a key
 * of `doctor`'s own. A test compares it with what a fleet that runs has sent.
 */

const HASH = [
  'HSETNX KEY n 1',
  'HMSET KEY m 1',
  'HINCRBY KEY n 1',
  'HGET KEY n',
  'HMGET KEY n',
  'HGETALL KEY',
  'HKEYS KEY',
  'HEXISTS KEY n',
  'HSTRLEN KEY n',
  'HLEN KEY',
  'HDEL KEY n',
  'UNLINK KEY',
]
const STRING = [
  'SET KEY 1 PX 1000',
  'GET KEY',
  'MGET KEY',
  'INCR KEY',
  'INCRBY KEY 1',
  'PEXPIRE KEY 1000',
  'PEXPIREAT KEY 9999999999999',
  'PTTL KEY',
  'PERSIST KEY',
  'TYPE KEY',
  'EXISTS KEY',
  'DEL KEY',
]
const LIST = [
  'LPUSH KEY 1',
  'RPUSH KEY 2',
  'LRANGE KEY 0 0',
  'LLEN KEY',
  'LINDEX KEY 0',
  'LPOS KEY 1',
  'LSET KEY 0 1',
  'RPOPLPUSH KEY KEY',
  'LREM KEY 0 1',
  'LTRIM KEY 0 0',
  'LPOP KEY',
  'RPOP KEY',
  'DEL KEY',
]
const SET = ['SADD KEY 1', 'SMEMBERS KEY', 'SCARD KEY', 'SISMEMBER KEY 1', 'SREM KEY 1', 'DEL KEY']
const SORTED_SET = [
  'ZADD KEY 0 1',
  'ZSCORE KEY 1',
  'ZCARD KEY',
  'ZCOUNT KEY 0 0',
  'ZRANGE KEY 0 0',
  'ZREVRANGE KEY 0 0',
  'ZRANGEBYSCORE KEY 0 0',
  'ZREM KEY 1',
  'ZREMRANGEBYSCORE KEY 0 0',
  'ZREMRANGEBYRANK KEY 0 0',
  'ZPOPMIN KEY',
  'BZPOPMIN KEY 0.01', // within MULTI nothing waits
  'DEL KEY',
]
const STREAM = [
  'XADD KEY * f 1',
  'XRANGE KEY - + COUNT 1',
  'XREVRANGE KEY + - COUNT 1',
  'XREAD COUNT 1 STREAMS KEY 0',
  'XTRIM KEY MAXLEN 1',
  'XDEL KEY 0-1',
  'DEL KEY',
]
/** EVAL makes the script known that EVALSHA names. */
const SCRIPTS = ['EVAL return(1) 1 KEY', 'EVALSHA SHA 1 KEY', 'TIME', 'DBSIZE', 'SCAN 0 COUNT 1']

export const TRIED: readonly string[] = [...HASH, ...STRING, ...LIST, ...SET, ...SORTED_SET, ...STREAM, ...SCRIPTS]

/** sha1('return(1)') */
const SHA = '930269f31393d0be681588b6ab08dccee7d6bb67'

/** Name and arguments. */
export function commandOf(line: string, key: string): [name: string, ...args: string[]] {
  const [name = '', ...args] = line.split(' ')
  return [name, ...args.map((arg) => (arg === 'KEY' ? key : arg === 'SHA' ? SHA : arg))]
}
