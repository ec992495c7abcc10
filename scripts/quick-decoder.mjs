/**
 * ioredis is published with its private fields as WeakMaps, and its decoder asks them a dozen times for each text that Redis
 * answers: a twentieth of a worker's CPU. In the bundle they are properties, as they would be if it were compiled for a Node
 * of this century. Nothing else is changed; test/drift/quick-decoder.test.ts compares both.
 */

import { readFileSync } from 'node:fs'

/** The text of ioredis/built/resp/decoder.js without WeakMaps. Throws if it is not the one that this was written for. */
export function quickDecoder(text) {
  const quick = text
    .replace(/__classPrivateFieldGet\(this, _Decoder_instances, "m", (_Decoder_\w+)\)/g, '$1')
    .replace(/__classPrivateFieldGet\(this, (_Decoder_\w+), "f"\)/g, 'this.$1')
    .replace(/__classPrivateFieldSet\(this, (_Decoder_\w+), ([\s\S]*?), "f"\)/g, '(this.$1 = $2)')
    .replace(/(_Decoder_\w+)\.set\(this, (0|void 0)\)/g, 'this.$1 = $2')
  if (quick === text || /__classPrivateField[GS]et\(this|\.set\(this/.test(quick))
    throw new Error(`ioredis: expected the decoder of the release that package.json names, got another one: run npm ci`)
  return quick
}

/** For esbuild. */
export const quickDecoderPlugin = {
  name: 'quick-decoder',
  setup({ onLoad }) {
    onLoad({ filter: /ioredis[/\\]built[/\\]resp[/\\]decoder\.js$/ }, ({ path }) => ({
      contents: quickDecoder(readFileSync(path, 'utf8')),
    }))
  },
}
