import { decodeMessage } from './message-codec.js'
import { type Field, field, type MessageType } from './message-type.js'

/** What reflection needs of `google.protobuf.FileDescriptorProto`. Absent: undefined. */
export interface FileDescriptor {
  readonly name?: string
  readonly package?: string
  readonly dependency: readonly string[]
  readonly messageType: readonly MessageDescriptor[]
  readonly enumType: readonly EnumDescriptor[]
  readonly service: readonly ServiceDescriptor[]
  readonly extension: readonly FieldDescriptor[]
  readonly syntax?: string
}

/** `DescriptorProto`. */
export interface MessageDescriptor {
  readonly name?: string
  readonly field: readonly FieldDescriptor[]
  readonly extension: readonly FieldDescriptor[]
  readonly nestedType: readonly MessageDescriptor[]
  readonly enumType: readonly EnumDescriptor[]
  readonly oneofDecl: readonly Named[]
}

/** `FieldDescriptorProto`. */
export interface FieldDescriptor extends Named {
  readonly extendee?: string
  readonly number?: number
}

/** `EnumDescriptorProto`. */
export interface EnumDescriptor extends Named {
  readonly value: readonly Named[]
}

/** `ServiceDescriptorProto`. */
export interface ServiceDescriptor extends Named {
  readonly method: readonly Named[]
}

/** All of them have a name. */
export interface Named {
  readonly name?: string
}

const options = (): MessageType => ({
  name: 'google.protobuf.MessageOptions',
  fields: [optional('map_entry', 7, 'bool')],
})

const fieldDescriptor = (): MessageType => ({
  name: 'google.protobuf.FieldDescriptorProto',
  fields: [
    optional('name', 1, 'string'),
    optional('extendee', 2, 'string'),
    optional('number', 3, 'int32'),
    optional('label', 4, 'int32'),
    optional('type', 5, 'int32'),
    optional('type_name', 6, 'string'),
    optional('oneof_index', 9, 'int32'),
    optional('json_name', 10, 'string'),
  ],
})

const oneofDescriptor = (): MessageType => ({
  name: 'google.protobuf.OneofDescriptorProto',
  fields: [optional('name', 1, 'string')],
})

const messageDescriptor = (): MessageType => MESSAGE_DESCRIPTOR

const MESSAGE_DESCRIPTOR: MessageType = {
  name: 'google.protobuf.DescriptorProto',
  fields: [
    optional('name', 1, 'string'),
    repeated('field', 2, fieldDescriptor),
    repeated('nested_type', 3, messageDescriptor),
    repeated('enum_type', 4, () => ENUM_DESCRIPTOR),
    repeated('extension', 6, fieldDescriptor),
    optional('options', 7, options),
    repeated('oneof_decl', 8, oneofDescriptor),
  ],
}

const ENUM_DESCRIPTOR: MessageType = {
  name: 'google.protobuf.EnumDescriptorProto',
  fields: [
    optional('name', 1, 'string'),
    repeated('value', 2, () => ({
      name: 'google.protobuf.EnumValueDescriptorProto',
      fields: [optional('name', 1, 'string'), optional('number', 2, 'int32')],
    })),
  ],
}

const SERVICE_DESCRIPTOR: MessageType = {
  name: 'google.protobuf.ServiceDescriptorProto',
  fields: [
    optional('name', 1, 'string'),
    repeated('method', 2, () => ({
      name: 'google.protobuf.MethodDescriptorProto',
      fields: [
        optional('name', 1, 'string'),
        optional('input_type', 2, 'string'),
        optional('output_type', 3, 'string'),
        field('client_streaming', 5, 'bool'),
        field('server_streaming', 6, 'bool'),
      ],
    })),
  ],
}

/** The part of `google.protobuf.FileDescriptorProto` that is read and written here. */
export const FILE_DESCRIPTOR: MessageType = {
  name: 'google.protobuf.FileDescriptorProto',
  fields: [
    optional('name', 1, 'string'),
    optional('package', 2, 'string'),
    repeated('dependency', 3, 'string'),
    repeated('message_type', 4, messageDescriptor),
    repeated('enum_type', 5, () => ENUM_DESCRIPTOR),
    repeated('service', 6, () => SERVICE_DESCRIPTOR),
    repeated('extension', 7, fieldDescriptor),
    optional('syntax', 12, 'string'),
  ],
}

const FILE_DESCRIPTOR_SET: MessageType = {
  name: 'google.protobuf.FileDescriptorSet',
  fields: [repeated('file', 1, 'bytes')],
}

function optional(name: string, number: number, type: Field['type']): Field {
  return field(name, number, type, 'optional')
}

function repeated(name: string, number: number, type: Field['type']): Field {
  return field(name, number, type, 'repeated')
}

/** A serialised `FileDescriptorProto`. @throws RangeError when it is none */
export function decodeFile(bytes: Uint8Array): FileDescriptor {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return decodeMessage(FILE_DESCRIPTOR, buffer, 0, buffer.length) as unknown as FileDescriptor
}

/** The serialised files of a serialised `FileDescriptorSet`. @throws RangeError when it is none */
export function filesOfSet(bytes: Uint8Array): readonly Uint8Array[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const set = decodeMessage(FILE_DESCRIPTOR_SET, buffer, 0, buffer.length)
  return set['file'] as Uint8Array[]
}
