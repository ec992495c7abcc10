// The build. dist/main.js is the program and dist/index.js the library: bundled with the packages that they use, in chunks
// (one for each command, because a command starts in half the time so). The library so has its own BullMQ and ioredis,
// whatever the host program has. dist/console is the page that the API serves. dist/soap stays as it is written. Types are
// beside what other programs import. `--if-older`: only if something that it is made of is newer.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { buildConsole } from './console.mjs'
import { quickDecoderPlugin } from './quick-decoder.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Native code, and optional; and pages that a package serves from its own folder. */
const LEFT_OUT = ['msgpackr-extract', '@fastify/swagger-ui']

/** Packages in CommonJS `require` Node's own modules; an ES module has no `require`. A name that no package uses. */
const REQUIRE = `import { createRequire as requireBeside } from 'node:module'; const require = requireBeside(import.meta.url);`

function compile(project) {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { status } = spawnSync(process.execPath, [tsc, '-p', project], { cwd: root, stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}

/** Takes away types that nobody comes to from what other programs import. */
function pruneTypes() {
  const needed = new Set()
  const visit = (file) => {
    if (needed.has(file)) return
    needed.add(file)
    const imported = readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*["'](\.[^"']+)["']/g)
    for (const [, to] of imported) visit(join(dirname(file), to.replace(/\.(js|ts)$/, '.d.ts')))
  }
  for (const entry of ['index.d.ts', 'soap/index.d.ts']) visit(join(root, 'dist', entry))
  for (const entry of readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' })) {
    const file = join(root, 'dist', entry)
    if (file.endsWith('.d.ts') && !needed.has(file)) rmSync(file)
  }
}

/** All chunks lie beside main.js: from there, `../package.json` is the package's, as it is from src/. */
async function buildProgram() {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['src/main.ts', 'src/index.ts'],
    outdir: 'dist',
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    mainFields: ['module', 'main'],
    external: LEFT_OUT,
    banner: { js: REQUIRE },
    sourcemap: true,
    sourcesContent: false,
    metafile: true,
    plugins: [quickDecoderPlugin],
    logLevel: 'warning',
  })
  return Object.keys(metafile.inputs)
}

/** The licences of what was bundled ask that their text goes with it. */
function licences(inputs) {
  const packages = inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? [])
  return [...new Set(packages)].toSorted().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
    const file = readdirSync(join(root, folder)).find((entry) => /^licen[cs]e/i.test(entry))
    const text = file ? readFileSync(join(root, folder, file), 'utf8').trim() : ''
    return `${name} ${version} (${license})\n\n${text}\n`
  })
}

const MADE_OF = [
  'src',
  'scripts',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'tsconfig.library.json',
]
/** Written last. */
const LICENCES = join(root, 'dist', 'THIRD-PARTY-LICENSES.txt')

function isOlder() {
  if (!existsSync(LICENCES)) return true
  const builtAt = statSync(LICENCES).mtimeMs
  const filesIn = (path) =>
    statSync(path).isDirectory()
      ? readdirSync(path, { recursive: true, encoding: 'utf8' }).map((name) => join(path, name))
      : [path]
  return MADE_OF.flatMap((name) => filesIn(join(root, name))).some((path) => statSync(path).mtimeMs >= builtAt)
}

if (process.argv.includes('--if-older') && !isOlder()) process.exit(0)
rmSync(join(root, 'dist'), { recursive: true, force: true })
compile('tsconfig.build.json')
compile('tsconfig.library.json')
pruneTypes()
const inputs = [...(await buildProgram()), ...(await buildConsole())]
writeFileSync(LICENCES, licences(inputs).join(`\n${'-'.repeat(80)}\n\n`))
