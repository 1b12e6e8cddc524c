import type { Service } from '../micro/index.js'
import { FILE_DESCRIPTOR } from './descriptor-messages.js'
import { encodeMessage } from './message-codec.js'
import type { EnumType, Field, FieldType, MessageType } from './message-type.js'

/** A file of ours, for reflection: `request` and `response` in the order of the service's methods. */
export interface OwnFile {
  readonly name: string
  readonly package: string
  readonly messages: readonly MessageType[]
  readonly service: Service<unknown>
  readonly types: readonly (readonly [request: MessageType, response: MessageType])[]
}

const LABEL_OPTIONAL = 1
const LABEL_REPEATED = 3
const TYPES: Readonly<Record<string, number>> = { int32: 5, bool: 8, string: 9, bytes: 12 }
const TYPE_MESSAGE = 11
const TYPE_ENUM = 14

/** The serialised `FileDescriptorProto` of a file of ours, syntax proto3. */
export function describeFile(file: OwnFile): Uint8Array {
  return encodeMessage(FILE_DESCRIPTOR, {
    name: file.name,
    package: file.package,
    messageType: file.messages.map(describeMessage),
    service: [
      {
        name: file.service.shortName,
        method: file.service.methods.map((method, index) => ({
          name: method.wireName,
          inputType: `.${file.types[index]![0].name}`,
          outputType: `.${file.types[index]![1].name}`,
          clientStreaming: method.kind === 'client' || method.kind === 'bidi',
          serverStreaming: method.kind === 'server' || method.kind === 'bidi',
        })),
      },
    ],
    syntax: 'proto3',
  })
}

function describeMessage(type: MessageType): object {
  const oneofs = [...new Set(type.fields.flatMap(({ oneof }) => oneof ?? []))]
  return {
    name: lastPart(type.name),
    field: type.fields.map(field => describeField(type, field, oneofs)),
    nestedType: type.fields.filter(({ rule }) => rule === 'map').map(describeEntry),
    enumType: (type.enums ?? []).map(describeEnum),
    oneofDecl: oneofs.map(name => ({ name })),
  }
}

function describeField(type: MessageType, field: Field, oneofs: readonly string[]): object {
  const isMap = field.rule === 'map'
  return {
    name: field.name,
    number: field.number,
    label: isMap || field.rule === 'repeated' ? LABEL_REPEATED : LABEL_OPTIONAL,
    jsonName: field.key,
    ...(isMap
      ? { type: TYPE_MESSAGE, typeName: `.${type.name}.${entryName(field)}` }
      : describeType(field.type)),
    ...(field.oneof === undefined ? {} : { oneofIndex: oneofs.indexOf(field.oneof) }),
  }
}

function describeType(type: FieldType): object {
  if (typeof type === 'string') return { type: TYPES[type] }
  if (typeof type === 'function') return { type: TYPE_MESSAGE, typeName: `.${type().name}` }
  return { type: TYPE_ENUM, typeName: `.${type.name}` }
}

function describeEntry(field: Field): object {
  const label = LABEL_OPTIONAL
  return {
    name: entryName(field),
    field: [
      { name: 'key', number: 1, label, jsonName: 'key', type: TYPES['string'] },
      { name: 'value', number: 2, label, jsonName: 'value', ...describeType(field.type) },
    ],
    options: { mapEntry: true },
  }
}

function describeEnum(type: EnumType): object {
  return {
    name: lastPart(type.name),
    value: type.values.map((name, number) => ({ name, number })),
  }
}

/** As protoc names it. */
function entryName({ key }: Field): string {
  return `${key.slice(0, 1).toUpperCase()}${key.slice(1)}Entry`
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}
