import type * as protobuf from 'protobufjs'

const WIDE: ReadonlySet<string> = new Set(['int64', 'uint64', 'sint64', 'fixed64', 'sfixed64'])
/** What a text of C escapes by a letter, and the octets that it shows as they are. */
const ESCAPES: ReadonlyMap<string, string> = new Map(
  Object.entries({ '\n': '\\n', '\r': '\\r', '\t': '\\t', '"': '\\"', "'": "\\'", '\\': '\\\\' }),
)
const PRINTABLE = /^[ -~]$/

/**
 * The default of a field as a descriptor has it.
 *
 * @param source text of the schema: protobufjs reads 64-bit numbers as doubles, and only there they are exact
 */
export function defaultText(field: protobuf.FieldBase, source: () => string): string {
  const value: unknown = field.options?.['default']
  if (typeof value === 'number' && WIDE.has(field.type) && !Number.isSafeInteger(value)) {
    return exactDefault(field, value, source()) ?? BigInt(value).toString()
  }
  if (field.type === 'bytes') return escaped(Buffer.from(String(value), 'latin1'))
  if (value === Infinity) return 'inf'
  if (value === -Infinity) return '-inf'
  return Number.isNaN(value) ? 'nan' : String(value)
}

/** Found by name and number of the field; where several have both, by what protobufjs made of it. */
function exactDefault(
  field: protobuf.FieldBase,
  value: number,
  source: string,
): string | undefined {
  const name = field.protoName ?? field.name
  const pattern = `\\b${name}\\s*=\\s*\\w+\\s*\\[[^\\]]*?\\bdefault\\s*=\\s*(-?)\\s*(\\w+)`
  for (const [, sign, digits] of source.matchAll(new RegExp(pattern, 'g'))) {
    const octal = digits!.replace(/^0(?=[0-7]+$)/, '0o')
    if (!/^(?:0x[\da-f]+|0o[0-7]+|\d+)$/i.test(octal)) continue
    const exact = sign === '-' ? -BigInt(octal) : BigInt(octal)
    if (Number(exact) === value) return exact.toString()
  }
  return undefined
}

function escaped(octets: Buffer): string {
  let text = ''
  for (const octet of octets) {
    const character = String.fromCharCode(octet)
    const octal = `\\${octet.toString(8).padStart(3, '0')}`
    text += ESCAPES.get(character) ?? (PRINTABLE.test(character) ? character : octal)
  }
  return text
}
