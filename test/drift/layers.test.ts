import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const biome = join(root, 'node_modules/@biomejs/biome/bin/biome')

interface Room {
  room: string
  mayImport: (target: string) => boolean
  packages: string[]
}

/** The table of CONTRIBUTING.md. */
function tableOfRooms(): Room[] {
  const rows = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8').matchAll(
    /^\| `([^`]+)` \| [^|]+ \| ([^|]+) \| ([^|]+) \|$/gm,
  )
  return [...rows].map(([, room = '', targets = '', packages = '']) => {
    const listed = targets.replace(/^all but /, '').split(', ')
    const isListed = (target: string) => listed.includes(target.split('/')[0] ?? '')
    const mayImport = targets.startsWith('all but ') ? (target: string) => !isListed(target) : isListed
    return { room, mayImport, packages: packages.split(', ') }
  })
}

interface Case {
  file: string
  specifier: string
  allowed: boolean
}

const rooms = tableOfRooms()
const targets = [...rooms.map(({ room }) => room).filter((room) => /^[a-z-]+\/$/.test(room)), 'clock.ts', 'version.ts']
const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>
}

/** Each room and everything that it may or may not import. A file of a room that has a row of its own is one by itself. */
function cases(): Case[] {
  return rooms.flatMap(({ room, mayImport, packages }) => {
    const own = room.split('/')[0] as string
    const folder = `src/${room.endsWith('/') ? room : dirname(room)}`
    const fileFor = (name: string) => (room.endsWith('/') ? join(folder, `to-${name}.ts`) : `src/${room}`)
    const ofSrc = targets
      .filter((target) => target !== `${own}/`)
      .map((target) => {
        const path = relative(folder, `src/${target.endsWith('/') ? `${target}x.ts` : target}`)
        return {
          name: target.replace(/\W/g, ''),
          specifier: path.startsWith('.') ? path : `./${path}`,
          allowed: mayImport(target.replace(/(\/|\.ts)$/, '')),
        }
      })
    const ofPackages = Object.keys(dependencies).map((name) => ({
      name: name.replace(/\W/g, '-'),
      specifier: name,
      allowed: packages.includes(name),
    }))
    return [...ofSrc, ...ofPackages].map(({ name, specifier, allowed }) => ({
      file: fileFor(name),
      specifier,
      allowed,
    }))
  })
}

/** What biome says of files with this text, as `rule file:line`. It takes seconds to start, so all cases go at once. */
function lint(files: [file: string, text: string][]): Set<string> {
  const folder = mkdtempSync(join(tmpdir(), 'chat-enricher-layers-'))
  try {
    copyFileSync(join(root, 'biome.json'), join(folder, 'biome.json'))
    for (const [file, text] of files) {
      mkdirSync(join(folder, dirname(file)), { recursive: true })
      writeFileSync(join(folder, file), text)
    }
    const args = [biome, 'lint', '--vcs-enabled=false', '--colors=off', '--reporter=github', '--max-diagnostics=none']
    const { stdout } = spawnSync(process.execPath, [...args, 'src'], { cwd: folder, encoding: 'utf8', maxBuffer: 1e8 })
    const found = stdout.matchAll(/title=lint\/\w+\/(\w+),file=([^,]+),line=(\d+)/g)
    return new Set(
      [...found].map(([, rule, file = '', line]) => `${rule} ${file.slice(file.lastIndexOf('/src/') + 1)}:${line}`),
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('the rooms of the house', () => {
  const all = cases()
  const linesOf = new Map<string, string[]>()
  for (const { file, specifier } of all) linesOf.set(file, [...(linesOf.get(file) ?? []), specifier])
  let found = new Set<string>()

  beforeAll(() => {
    const files = [...linesOf].map(([file, imported]): [string, string] => [
      file,
      imported.map((specifier) => `import '${specifier}'\n`).join(''),
    ])
    found = lint([
      ...files,
      ['src/domain/one.ts', "import './two.ts'\n"],
      ['src/domain/two.ts', "import './one.ts'\n"],
      ['src/domain/long.ts', `export function long() {\n${'  void 0\n'.repeat(41)}}\n`],
      ['src/main.ts', "import './queues/x.ts'\nimport './cli/x.ts'\n"],
      ['src/clock.ts', "import './domain/x.ts'\n"],
    ])
  })

  it('are as CONTRIBUTING.md says: those that are there, each with what it may import', () => {
    const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
    const listed = rooms.map(({ room }) => room).filter((room) => /^[a-z-]+\/$/.test(room))
    expect(listed.toSorted()).toEqual(folders.map(({ name }) => `${name}/`).toSorted())
    const wrong = all.filter(({ file, specifier, allowed }) => {
      const line = (linesOf.get(file) ?? []).indexOf(specifier) + 1
      return found.has(`noRestrictedImports ${file}:${line}`) === allowed
    })
    expect(wrong).toEqual([])
    expect(all.filter(({ allowed }) => allowed).length).toBeGreaterThan(60)
    expect(all.filter(({ allowed }) => !allowed).length).toBeGreaterThan(300)
  })

  it('may not import each other in a circle', () => {
    expect(found).toContain('noImportCycles src/domain/one.ts:1')
  })

  it('hold no function that needs scrolling', () => {
    expect(found).toContain('noExcessiveLinesPerFunction src/domain/long.ts:1')
  })

  it('are entered from the root through the command line; the clock enters none', () => {
    expect(found).toContain('noRestrictedImports src/main.ts:1')
    expect(found).not.toContain('noRestrictedImports src/main.ts:2')
    expect(found).toContain('noRestrictedImports src/clock.ts:1')
  })

  it('leave nothing at the root but four files', () => {
    const entries = readdirSync(join(root, 'src'), { withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts')).map(({ name }) => name)
    expect(['main.ts', 'index.ts', 'clock.ts', 'version.ts']).toEqual(expect.arrayContaining(files))
  })
})
