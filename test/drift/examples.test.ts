import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const fileOf = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const shown = fileOf('README.md') + fileOf('docs/http.md') + fileOf('docs/webhook.md')
const folders = readdirSync(new URL('../../examples', import.meta.url)).filter((name) => name !== 'README.md')
const examples = folders.flatMap((folder) =>
  readdirSync(new URL(`../../examples/${folder}`, import.meta.url)).map((name) => `${folder}/${name}`),
)

describe('the examples', () => {
  it.each(examples)('%s is a program that README, docs/http.md or docs/webhook.md shows, which a test runs', (path) => {
    const blocks = [...shown.matchAll(/^```\w+\n([\s\S]*?)^```$/gm)].map(([, text]) => text)
    expect(blocks).toContain(fileOf(`examples/${path}`))
  })

  it('are listed with what they do', () => {
    const listed = [...fileOf('examples/README.md').matchAll(/^\| `([^`]+)` \|/gm)].map(([, path]) => path)
    expect(listed.toSorted()).toEqual(examples.toSorted())
  })
})
