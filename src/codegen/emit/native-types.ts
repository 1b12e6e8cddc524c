import type { GenerateOptions } from '../schema/generate-options.js'
import type { FieldNode, MessageNode } from '../schema/nodes.js'
import type { ModuleText } from './module-text.js'

/** A message type that the codec brings along. */
export interface NativeType {
  /** Its constant there. */
  readonly constant: string
  /** What arrives, and what may be given; types of the codec begin with `#`. */
  readonly type: string
  readonly init: string
  /** Its values are objects with fields, as of any other message. */
  readonly isMessage?: boolean
}

const FIXED: Readonly<Record<string, NativeType>> = {
  Any: { constant: 'Any', type: '#Any', init: '#AnyInit' },
  Empty: { constant: 'Empty', type: '#Empty', init: '#Empty' },
  FieldMask: { constant: 'FieldMask', type: 'string[]', init: 'readonly string[]' },
  Struct: { constant: 'StructType', type: '#JsonObject', init: '#JsonObject' },
  Value: { constant: 'ValueType', type: '#JsonValue', init: '#JsonValue' },
  ListValue: {
    constant: 'ListValueType',
    type: 'readonly #JsonValue[]',
    init: 'readonly #JsonValue[]',
  },
  DoubleValue: { constant: 'DoubleValue', type: 'number', init: 'number' },
  FloatValue: { constant: 'FloatValue', type: 'number', init: 'number' },
  Int32Value: { constant: 'Int32Value', type: 'number', init: 'number' },
  UInt32Value: { constant: 'UInt32Value', type: 'number', init: 'number' },
  BoolValue: { constant: 'BoolValue', type: 'boolean', init: 'boolean' },
  StringValue: { constant: 'StringValue', type: 'string', init: 'string' },
  BytesValue: { constant: 'BytesValue', type: 'Uint8Array', init: 'Uint8Array' },
}

const EXACT = { type: '#ExactTime', init: '#ExactTimeInit' }
const PREFIX = 'google.protobuf.'

/** The files whose types the codec brings along. */
export const NATIVE_FILES: ReadonlySet<string> = new Set(
  ['any', 'duration', 'empty', 'field_mask', 'struct', 'timestamp', 'wrappers'].map(
    name => `google/protobuf/${name}.proto`,
  ),
)

/** What the codec has for a message; undefined for one that is generated. */
export function nativeType(message: MessageNode, options: GenerateOptions): NativeType | undefined {
  if (!NATIVE_FILES.has(message.file.name) || !message.fullName.startsWith(PREFIX)) return undefined
  const name = message.fullName.slice(PREFIX.length)
  if (Object.hasOwn(FIXED, name)) return FIXED[name]
  if (name === 'Timestamp') {
    if (options.timestamp === 'exact') return { constant: 'ExactTimestamp', ...EXACT }
    return { constant: 'DateTimestamp', type: 'Date', init: 'Date | #ExactTimeInit' }
  }
  if (name === 'Duration') {
    if (options.duration === 'exact') return { constant: 'ExactDuration', ...EXACT }
    return { constant: 'MsDuration', type: 'number', init: 'number | #ExactTimeInit' }
  }
  if (name !== 'Int64Value' && name !== 'UInt64Value') return undefined
  const form = options.int64
  const prefix = form === 'bigint' ? '' : form === 'number' ? 'Number' : 'String'
  return { constant: prefix + name, type: form, init: form }
}

/** A type of a native, with what it needs imported. */
export function nativeTypeText(module: ModuleText, text: string): string {
  return text.replace(/#(\w+)/g, (_, name: string) => module.codecType(name))
}

/** The native type of a field of messages. */
export function nativeOf(module: ModuleText, field: FieldNode): NativeType | undefined {
  return field.message === undefined ? undefined : nativeType(field.message, module.options)
}
