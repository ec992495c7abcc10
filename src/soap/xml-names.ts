/** Names of tags and attributes: ASCII character by character, as nearly all are, any other by XML's own list of letters. */

/** XML 1.0, production 4, without the colon: that one is for namespaces. */
const NAME_START =
  'A-Z_a-z\\u{C0}-\\u{D6}\\u{D8}-\\u{F6}\\u{F8}-\\u{2FF}\\u{370}-\\u{37D}\\u{37F}-\\u{1FFF}\\u{200C}\\u{200D}' +
  '\\u{2070}-\\u{218F}\\u{2C00}-\\u{2FEF}\\u{3001}-\\u{D7FF}\\u{F900}-\\u{FDCF}\\u{FDF0}-\\u{FFFD}\\u{10000}-\\u{EFFFF}'
const SIMPLE_NAME = new RegExp(`[${NAME_START}][${NAME_START}.\\-0-9\\u{B7}\\u{300}-\\u{36F}\\u{203F}\\u{2040}]*`, 'uy')
const ASCII = Array.from({ length: 0x80 }, (_, code) => String.fromCharCode(code))
const STARTS_NAME = ASCII.map((character) => /[A-Z_a-z]/.test(character))
const IN_NAME = ASCII.map((character) => /[A-Z_a-z.\-0-9]/.test(character))

/** Where the name ends that begins at `at`, its prefix included; 0 if none does. */
export function nameEnd(xml: string, at: number): number {
  const end = simpleNameEnd(xml, at)
  if (end === 0 || xml[end] !== ':') return end
  // A colon that no name follows belongs to nothing: it stands where the tag cannot go on.
  return simpleNameEnd(xml, end + 1) || end
}

function simpleNameEnd(xml: string, start: number): number {
  let at = start
  if (STARTS_NAME[xml.charCodeAt(at)] === true) while (IN_NAME[xml.charCodeAt(at)] === true) at += 1
  if (xml.charCodeAt(at) >= 0x80) return anyNameEnd(xml, start)
  return at > start ? at : 0
}

/** Reads letters beyond ASCII, too, which no answer that we know has. */
function anyNameEnd(xml: string, start: number): number {
  SIMPLE_NAME.lastIndex = start
  return SIMPLE_NAME.test(xml) ? SIMPLE_NAME.lastIndex : 0
}
