// Bundles the console (src/http/console/) into a folder: one page, its style, its script, what that asks early, and what only
// charts need, named by their content. The build calls it, and so does set-up, because `npm run demo` runs from source.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const source = 'src/http/console'

const OPTIONS = {
  absWorkingDir: root,
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  tsconfigRaw: {}, // the paths of whoever bundles do not matter
  legalComments: 'none', // dist/THIRD-PARTY-LICENSES.txt has them whole
  metafile: true,
  write: false,
  logLevel: 'warning',
}

/** Resolves to the files that it was made of. */
export async function buildConsole(outdir = join(root, 'dist', 'console')) {
  const made = await Promise.all([
    // Apart and no module, before the style: so that it waits for no other file.
    build({ ...OPTIONS, outdir, entryPoints: { early: `${source}/early.ts` }, format: 'iife' }),
    build({ ...OPTIONS, outdir, entryPoints: { console: `${source}/main.tsx` }, splitting: true }),
  ])
  const outputs = made.flatMap(({ outputFiles }) => outputFiles)
  const files = outputs.map(({ path, contents }) => ({ name: basename(path), contents }))
  const page = readFileSync(join(root, source, 'index.html'), 'utf8').replace(
    /"(\w+)(\.\w+)"/g,
    (_, name, ending) =>
      `"console/${files.find((file) => file.name.startsWith(`${name}-`) && file.name.endsWith(ending)).name}"`,
  )
  rmSync(outdir, { recursive: true, force: true })
  mkdirSync(outdir, { recursive: true })
  for (const { name, contents } of files) writeFileSync(join(outdir, name), contents)
  writeFileSync(join(outdir, 'index.html'), page)
  return made.flatMap(({ metafile }) => Object.keys(metafile.inputs))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildConsole()
