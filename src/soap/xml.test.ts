import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseXml } from './xml.ts'

const textOf = (content: string) => parseXml(`<a>${content}</a>`).text
const problem = (xml: string) => {
  try {
    parseXml(xml)
    return 'none'
  } catch (error) {
    return (error as { is?: string }).is ?? `not ours: ${error}`
  }
}

describe('text', () => {
  it.each([
    ['numeric references', 'Jos&#233; Jos&#xE9; &#x1F600;', 'José José 😀'],
    ['named references', '&lt;&gt;&amp;&quot;&apos;', '<>&"\''],
    ['a reference to a reference, once', '&amp;lt;&#38;amp;', '&lt;&amp;'],
    ['control characters as .NET writes them', 'a&#x1;b&#x1F;c', 'a\x01b\x1fc'],
    ['zero as .NET writes it', 'a&#x0;b&#0;c&#x0000;', 'a\0b\0c\0'],
    ['a carriage return by reference', 'a&#xD;&#10;b', 'a\r\nb'],
    ['raw line ends, as XML reads them', 'a\r\nb\rc\nd', 'a\nb\nc\nd'],
    ['CDATA', 'a<![CDATA[<b>&amp;]]>c<![CDATA[]]>', 'a<b>&amp;c'],
    ['a comment inside', 'Mar<!-- & < -->ia', 'Maria'],
    ['white space around', '  Maria \t', '  Maria \t'],
    ['white space alone', '   ', '   '],
    ['a space by reference', '&#32;', ' '],
    ['leading zeros, and what looks like numbers', '00123 1e5 0x1F +55 1.10 true', '00123 1e5 0x1F +55 1.10 true'],
    ['the end of CDATA, escaped', ']]&gt; ]] >', ']]> ]] >'],
    ['decomposed accents', 'Jose\u0301', 'Jose\u0301'],
    ['nothing', '', ''],
  ])('%s', (_name, content, expected) => {
    expect(textOf(content)).toBe(expected)
  })

  it('is any string that .NET can write', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what .NET writes as references
    const controls = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g
    const written = (text: string) =>
      text
        .replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c] ?? c)
        .replace(controls, (c) => `&#x${c.charCodeAt(0).toString(16).toUpperCase()};`)
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(textOf(written(text))).toBe(text.replace(/\r\n?/g, '\n'))
      }),
      { examples: [['&#38;'], [']]>'], ['\r\n\r'], ['__proto__'], ['\u0085\u2028']] },
    )
  })
})

describe('elements', () => {
  it('have the namespaces that are in force where they stand', () => {
    const root = parseXml(
      '<p:a xmlns:p="urn:1" xmlns="urn:2" x="1" p:y="2"><b/><p:c xmlns:p="urn:3" xmlns=""><d/></p:c></p:a>',
    )
    expect(root).toMatchObject({
      name: 'a',
      namespace: 'urn:1',
      attributes: [
        { name: 'x', namespace: '', value: '1' },
        { name: 'y', namespace: 'urn:1', value: '2' },
      ],
    })
    expect(root.children).toMatchObject([
      { name: 'b', namespace: 'urn:2' },
      { name: 'c', namespace: 'urn:3', children: [{ name: 'd', namespace: '' }] },
    ])
  })

  it('may be surrounded by a declaration, comments and white space', () => {
    expect(parseXml('<?xml version="1.0" encoding="utf-8" ?>\r\n<!-- a -->\n<a/>\n<!-- b -->\n')).toMatchObject({
      name: 'a',
    })
  })
})

describe('names that mean something to JavaScript', () => {
  it.each(['__proto__', 'constructor', 'prototype', 'toString'])('%s is a name like any other', (name) => {
    const root = parseXml(`<a xmlns:${name}="urn:1"><${name} ${name}="1">x</${name}><${name}:b/></a>`)
    expect(root.children).toMatchObject([
      { name, text: 'x', attributes: [{ name, value: '1' }] },
      { name: 'b', namespace: 'urn:1' },
    ])
    expect(Object.keys(Object.prototype)).toEqual([])
  })
})

describe('what is refused', () => {
  it.each([
    ['nothing', ''],
    ['text', 'Service Unavailable'],
    ['JSON', '{"a":"<b/>"}'],
    ['a cut tag', '<a><b'],
    ['a missing end tag', '<a><b></a>'],
    ['an end tag too many', '<a/></a>'],
    ['crossed tags', '<a><b></a></b>'],
    ['an end tag that closes itself', '<a><b>Maria</x/></b></a>'],
    ['two roots', '<a/><b/>'],
    ['text after the root', '<a/>b'],
    ['CDATA after the root', '<a/><![CDATA[ ]]>'],
    ['text before the root', 'a<b/>'],
    ['white space before the declaration', ' <?xml version="1.0"?><a/>'],
    ['a second declaration', '<?xml version="1.0"?><?xml version="1.0"?><a/>'],
    ['an open comment', '<a/><!-- b'],
    ['open CDATA', '<a><![CDATA[b</a>'],
    ['a raw ampersand', '<a>Marks & Spencer</a>'],
    ['an ampersand at the end', '<a>b&</a>'],
    ['a reference across a comment', '<a>&am<!-- -->p;</a>'],
    ['an entity that nobody declared', '<a>Jos&eacute;</a>'],
    ['a raw ampersand in an attribute', '<a b="c & d"/>'],
    ['a reference to less than nothing', '<a>&#-1;</a>'],
    ['a reference to half a character', '<a>&#xD83D;</a>'],
    ['a reference beyond Unicode', '<a>&#9999999;</a>'],
    ['a reference without a number', '<a>&#;</a>'],
    ['a raw control character', '<a>\x01</a>'],
    ['a raw end of CDATA', '<a>]]></a>'],
    ['a repeated attribute', '<a b="1" b="2"/>'],
    ['an attribute without quotes', '<a b=1/>'],
    ['an attribute without a value', '<a b/>'],
    ['a < in an attribute', '<a b="<"/>'],
    ['a prefix that nobody declared', '<p:a/>'],
    ['a prefix that nobody declared, at an attribute', '<a p:b="1"/>'],
    ['unknown markup', '<a><!b></a>'],
    ['a comment with -- in it', '<a><!-- b -- c --></a>'],
    ['a name that is none', '<1a/>'],
    ['a name of two colons', '<a:b:c xmlns:a="urn:1"/>'],
    ['one attribute under two prefixes', '<a xmlns:b="urn:1" xmlns:c="urn:1" b:d="1" c:d="2"/>'],
    ['a prefix taken back', '<a xmlns:b=""/>'],
    ['a declaration without a version', '<?xml encoding="utf-8"?><a/>'],
  ])('%s', (_name, xml) => {
    expect(['unreadable', 'not-contract']).toContain(problem(xml))
  })

  it.each([
    ['a document type', '<!DOCTYPE a><a/>'],
    ['a document type after the declaration', '<?xml version="1.0"?>\n<!doctype a SYSTEM "file:///etc/passwd"><a/>'],
    ['two document types', '<!DOCTYPE a [<!ENTITY b "c">]><!DOCTYPE a><a>&b;</a>'],
    ['an entity inside', '<a><!ENTITY b "c"></a>'],
    [
      'a billion laughs',
      `<!DOCTYPE l [<!ENTITY l0 "lol">${Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join('')}]><l>&l9;</l>`,
    ],
  ])('%s, as DTD', (_name, xml) => {
    expect(problem(xml)).toBe('dtd')
  })

  it('but not what only looks like a DTD', () => {
    expect(textOf('<![CDATA[<!DOCTYPE a>]]><!-- <!ENTITY -->')).toBe('<!DOCTYPE a>')
  })

  it('processing instructions, which SOAP forbids', () => {
    expect(problem("<a><?b '?><c>'?></a>")).toBe('not-contract')
  })
})

describe('hostile sizes', () => {
  const MEBI = 1_048_576
  it.each([
    ['a flood of references', `<a>${'&#65;'.repeat(MEBI / 5)}</a>`, 'not-contract'],
    ['one endless reference', `<a>&#${'1'.repeat(MEBI)};</a>`, 'unreadable'],
    ['a flood of ampersands', `<a>${'&'.repeat(MEBI)}</a>`, 'not-contract'],
    ['a flood of carriage returns', `<a>${'\r'.repeat(MEBI)}</a>`, 'not-contract'],
    ['50,000 levels', '<a>'.repeat(50_000) + '</a>'.repeat(50_000), 'not-contract'],
    ['250,000 elements', `<a>${'<b/>'.repeat(MEBI / 4)}</a>`, 'not-contract'],
    [
      'a mebibyte of attributes',
      `<a ${Array.from({ length: 70_000 }, (_, i) => `a${i}="xxxxx"`).join(' ')}/>`,
      'not-contract',
    ],
    [
      'a mebibyte of attributes without end',
      `<a ${Array.from({ length: 70_000 }, (_, i) => `a${i}="xxxxx"`).join(' ')}`,
      'not-contract',
    ],
    ['a mebibyte of white space in a tag', `<a${' '.repeat(MEBI)}`, 'not-contract'],
    ['an endless comment', `<a><!--${'-'.repeat(MEBI)}`, 'unreadable'],
    ['a flood of brackets', '<'.repeat(MEBI), 'not-contract'],
    ['a very long name', `<${'a'.repeat(MEBI)}/>`, 'not-contract'],
    ['a flood of comments', `<a>${'<!---->'.repeat(MEBI / 7)}</a>`, 'not-contract'],
    ['a flood of CDATA', `<a>${'<![CDATA[x]]>'.repeat(MEBI / 13)}</a>`, 'not-contract'],
    ['a very long text', `<a>${'x'.repeat(MEBI)}</a>`, 'none'],
  ])('%s', { timeout: 2_000 }, (_name, xml, expected) => {
    expect(problem(xml)).toBe(expected)
  })

  it('no bytes make the parser throw an error of its own', () => {
    const pieces = fc.constantFrom(
      '<a>',
      '</a>',
      '<a',
      '/>',
      '>',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
      '&',
      ';',
      '&#',
      '"',
      "'",
      '=',
      ' ',
      '<?',
      '?>',
      '<!',
      '/',
      'xmlns',
      ':',
      'b',
      '\0',
      '\n',
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        expect(problem(`<a>${parts.join('')}</a>`)).not.toMatch(/^not ours/)
      }),
      { numRuns: 2_000 },
    )
  })
})
