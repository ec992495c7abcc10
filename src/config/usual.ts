import type { AllConfig } from './config.ts'

/** The variables that people set: README has them, and `--help` shows their flags. */
export const USUAL: readonly (keyof AllConfig)[] = [
  'redisUrl',
  'soapEndpoint',
  'soapPublicKey1',
  'soapEncryptedUser',
  'soapEncryptedPassword',
  'soapEncryptedSignature',
  'soapCallTimeoutMs',
  'soapCaFile',
  'concurrency',
  'ratePerSecond',
  'maxCallsInFlight',
  'quotaCalls',
  'quotaPeriodMs',
  'notFoundRecheck',
  'metricsPort',
]
