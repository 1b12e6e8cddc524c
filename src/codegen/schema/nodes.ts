import type {
  DescriptorProto,
  EnumDescriptorProto,
  FieldDescriptorProto,
  FileDescriptorProto,
  MethodDescriptorProto,
  ServiceDescriptorProto,
} from '../descriptor/descriptor-table.js'
import type { Features } from './features.js'

/** One file, with what generating needs to know. */
export interface FileNode {
  readonly proto: FileDescriptorProto
  readonly name: string
  readonly package: string
  readonly messages: MessageNode[]
  readonly enums: EnumNode[]
  readonly services: ServiceNode[]
  readonly extensions: FieldNode[]
}

/** Where comments are found: numbers of fields and indexes, from the file down. */
export type SourcePath = readonly number[]

export interface MessageNode {
  readonly proto: DescriptorProto
  readonly file: FileNode
  readonly fullName: string
  /** Nested names joined: `Order_Line`. */
  readonly local: string
  readonly path: SourcePath
  readonly features: Features
  readonly fields: FieldNode[]
  readonly oneofs: OneofNode[]
  readonly isMapEntry: boolean
  readonly isDeprecated: boolean
  /** Extensions may come: fields that are not known are kept. */
  readonly isExtendable: boolean
  /** It stands for an extension, and keeps nothing. */
  readonly isHolder: boolean
}

export interface OneofNode {
  readonly name: string
  readonly local: string
  readonly path: SourcePath
  readonly fields: FieldNode[]
}

export interface EnumNode {
  readonly proto: EnumDescriptorProto
  readonly file: FileNode
  readonly fullName: string
  readonly local: string
  readonly path: SourcePath
  readonly isClosed: boolean
  readonly isDeprecated: boolean
}

export interface FieldNode {
  readonly proto: FieldDescriptorProto
  readonly number: number
  readonly name: string
  readonly local: string
  readonly json: string
  readonly path: SourcePath
  /** As in `FieldDescriptorProto.Type`; 11 for every message. */
  readonly kind: number
  readonly isList: boolean
  readonly isPacked: boolean
  readonly isDelimited: boolean
  readonly isRequired: boolean
  readonly hasPresence: boolean
  readonly isLooseText: boolean
  readonly isDeprecated: boolean
  /** `JS_STRING` or `JS_NUMBER`: what the schema says of 64 bits. */
  readonly jsType: number
  /** Of a message in a oneof of several. */
  readonly oneof: OneofNode | undefined
  readonly message: MessageNode | undefined
  readonly enum: EnumNode | undefined
  /** Of a map: its entry's fields. */
  readonly map: { readonly key: FieldNode; readonly value: FieldNode } | undefined
  /** Of an extension: what it extends, and its name with the package. */
  readonly extendee: string
  readonly fullName: string
}

export interface ServiceNode {
  readonly proto: ServiceDescriptorProto
  readonly file: FileNode
  readonly fullName: string
  readonly path: SourcePath
  readonly methods: MethodNode[]
  readonly isDeprecated: boolean
}

export interface MethodNode {
  readonly proto: MethodDescriptorProto
  readonly name: string
  readonly path: SourcePath
  readonly request: MessageNode
  readonly response: MessageNode
  readonly isDeprecated: boolean
}
