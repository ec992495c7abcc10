// Bundles the console (src/http/console/) into a folder: one page, one script, one style, named by their content. The build
// calls it, and so does set-up, because `npm run demo` runs from source.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const source = 'src/http/console'

/** Resolves to the files that it was made of. */
export async function buildConsole(outdir = join(root, 'dist', 'console')) {
  const { metafile, outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: { console: `${source}/main.tsx` },
    outdir,
    entryNames: '[name]-[hash]',
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
  })
  const files = outputFiles.map(({ path, contents }) => ({ name: basename(path), contents }))
  const named = (ending) => files.find(({ name }) => name.endsWith(ending))?.name
  const page = readFileSync(join(root, source, 'index.html'), 'utf8')
    .replace('console.css', `console/${named('.css')}`)
    .replace('console.js', `console/${named('.js')}`)
  rmSync(outdir, { recursive: true, force: true })
  mkdirSync(outdir, { recursive: true })
  for (const { name, contents } of files) writeFileSync(join(outdir, name), contents)
  writeFileSync(join(outdir, 'index.html'), page)
  return Object.keys(metafile.inputs)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildConsole()
