/** The version of chat-enricher: package.json's, and the commit if the build said it. */

import { readFileSync } from 'node:fs'

const packageFile = new URL('../package.json', import.meta.url) // the same from src/ and from dist/

export const VERSION = (JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string }).version
export const REVISION = process.env.CHAT_ENRICHER_REVISION || 'unknown'
