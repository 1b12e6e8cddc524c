import { type AnyMessageType, FieldFlag, type FieldInfo } from './field-row.js'

const found: WeakMap<AnyMessageType, boolean> = /*@__PURE__*/ new WeakMap()

/** Whether a message of this type, or any within it, has a field that must be there. */
export function hasRequired(type: AnyMessageType): boolean {
  let has = found.get(type)
  if (has === undefined) {
    const seen = new Set<AnyMessageType>()
    has = search(type, seen)
    found.set(type, has)
  }
  return has
}

function search(type: AnyMessageType, seen: Set<AnyMessageType>): boolean {
  if (seen.has(type)) return false
  seen.add(type)
  return type.fields.some(
    ({ flags, message }) =>
      (flags & FieldFlag.Required) !== 0 || (message !== undefined && search(message, seen)),
  )
}

/** The first field that must be there and is not, from the message down: `Order.lines[2].id`. */
export function missingField(type: AnyMessageType, value: unknown): string | undefined {
  if (type.json !== undefined) return undefined
  const fields = value as Readonly<Record<string, unknown>>
  for (const field of type.fields) {
    const { flags, oneof, local, message } = field
    if ((flags & FieldFlag.Required) !== 0 && fields[local] === undefined) return local
    if (message === undefined) continue
    const held = oneof === undefined ? fields[local] : chosenOf(field, fields)
    const within = missingWithin(field, message, held)
    if (within !== undefined) return `${local}${within}`
  }
  return undefined
}

function chosenOf({ oneof, local }: FieldInfo, fields: Readonly<Record<string, unknown>>): unknown {
  const chosen = fields[oneof!] as { case: string; value: unknown } | undefined
  return chosen?.case === local ? chosen.value : undefined
}

function missingWithin(
  field: FieldInfo,
  message: AnyMessageType,
  held: unknown,
): string | undefined {
  if (held === undefined) return undefined
  if (!field.isList && !field.isMap) {
    const missing = missingField(message, held)
    return missing === undefined ? undefined : `.${missing}`
  }
  for (const [key, each] of Object.entries(held as object)) {
    const missing = missingField(message, each)
    if (missing !== undefined) return field.isMap ? `['${key}'].${missing}` : `[${key}].${missing}`
  }
  return undefined
}
