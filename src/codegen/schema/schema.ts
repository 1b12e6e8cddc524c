import { camelName, Kind } from '../../codec/index.js'
import type {
  DescriptorProto,
  EnumDescriptorProto,
  FieldDescriptorProto,
  FileDescriptorProto,
  MethodDescriptorProto,
  ServiceDescriptorProto,
} from '../descriptor/descriptor-table.js'
import {
  CLOSED,
  DELIMITED,
  type Features,
  fileFeatures,
  IMPLICIT,
  LEGACY_REQUIRED,
  NO_VALIDATION,
  PACKED,
  withFeatures,
} from './features.js'
import { GenerateError } from './generate-options.js'
import { safeProperty } from './names.js'
import type {
  EnumNode,
  FieldNode,
  FileNode,
  MessageNode,
  OneofNode,
  ServiceNode,
  SourcePath,
} from './nodes.js'

const REQUIRED = 2
const REPEATED = 3

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** All files of a schema, each name resolved. */
export class Schema {
  readonly files: FileNode[] = []
  readonly #messages = new Map<string, MessageNode>()
  readonly #enums = new Map<string, EnumNode>()
  readonly #later: (() => void)[] = []

  /** @throws GenerateError when something is missing or not supported */
  constructor(protos: readonly FileDescriptorProto[]) {
    for (const proto of protos) this.files.push(this.#file(proto))
    for (const work of this.#later) work()
  }

  /** @throws GenerateError */
  file(name: string): FileNode {
    const found = this.files.find(file => file.name === name)
    if (found !== undefined) return found
    throw new GenerateError(`${name}: its descriptor is not in the request`)
  }

  message(fullName: string): MessageNode | undefined {
    return this.#messages.get(fullName)
  }

  #file(proto: FileDescriptorProto): FileNode {
    const name = proto.name ?? ''
    const features = withFeatures(
      fileFeatures(proto.syntax ?? '', proto.edition ?? 0, name),
      proto.options?.features,
    )
    const file: FileNode = {
      proto,
      name,
      package: proto.package ?? '',
      messages: [],
      enums: [],
      services: [],
      extensions: [],
    }
    const scope = { file, fullName: file.package, local: '', features }
    proto.enumType.forEach((each: EnumDescriptorProto, index: number) => {
      this.#enum(each, scope, [5, index])
    })
    proto.messageType.forEach((each: DescriptorProto, index: number) => {
      this.#message(each, scope, [4, index])
    })
    proto.service.forEach((each: ServiceDescriptorProto, index: number) => {
      this.#service(each, file, [6, index])
    })
    this.#extensions(proto.extension, scope, [7])
    return file
  }

  #extensions(protos: readonly FieldDescriptorProto[], scope: Scope, path: SourcePath): void {
    protos.forEach((each: FieldDescriptorProto, index: number) => {
      const field = this.#field(each, scope.features, [...path, index]) as Mutable<FieldNode>
      field.fullName = joined(scope.fullName, '.', field.name)
      field.local = joined(scope.local, '_', field.local)
      scope.file.extensions.push(field)
    })
  }

  #enum(proto: EnumDescriptorProto, scope: Scope, path: SourcePath): void {
    const features = withFeatures(scope.features, proto.options?.features)
    const node: EnumNode = {
      proto,
      file: scope.file,
      fullName: joined(scope.fullName, '.', proto.name ?? ''),
      local: joined(scope.local, '_', proto.name ?? ''),
      path,
      isClosed: features.enumType === CLOSED,
      isDeprecated: proto.options?.deprecated === true,
    }
    this.#enums.set(node.fullName, node)
    scope.file.enums.push(node)
  }

  #message(proto: DescriptorProto, outer: Scope, path: SourcePath): void {
    const features = withFeatures(outer.features, proto.options?.features)
    const node: MessageNode = {
      proto,
      file: outer.file,
      fullName: joined(outer.fullName, '.', proto.name ?? ''),
      local: joined(outer.local, '_', proto.name ?? ''),
      path,
      features,
      fields: [],
      oneofs: [],
      isMapEntry: proto.options?.mapEntry === true,
      isDeprecated: proto.options?.deprecated === true,
      isExtendable: proto.extensionRange.length > 0,
      isHolder: false,
    }
    this.#messages.set(node.fullName, node)
    outer.file.messages.push(node)
    this.#members(node)
    const scope = { file: outer.file, fullName: node.fullName, local: node.local, features }
    proto.enumType.forEach((each: EnumDescriptorProto, index: number) => {
      this.#enum(each, scope, [...path, 4, index])
    })
    proto.nestedType.forEach((each: DescriptorProto, index: number) => {
      this.#message(each, scope, [...path, 3, index])
    })
    this.#extensions(proto.extension, scope, [...path, 6])
  }

  #members(node: MessageNode): void {
    const { proto, path } = node
    const taken = new Set<string>(['$unknown'])
    const oneofs = proto.oneofDecl.map(
      (each, index): OneofNode => ({
        name: each.name ?? '',
        local: freeName(safeProperty(camelName(each.name ?? '')), taken),
        path: [...path, 8, index],
        fields: [],
      }),
    )
    proto.field.forEach((each: FieldDescriptorProto, index: number) => {
      const isAlone = each.oneofIndex === undefined || each.proto3Optional === true
      const oneof = isAlone ? undefined : oneofs[each.oneofIndex!]
      const field = this.#field(
        each,
        node.features,
        [...path, 2, index],
        oneof,
        isAlone ? taken : new Set(),
      )
      node.fields.push(field)
      oneof?.fields.push(field)
    })
    node.oneofs.push(...oneofs.filter(({ fields }) => fields.length > 0))
  }

  #field(
    proto: FieldDescriptorProto,
    outer: Features,
    path: SourcePath,
    oneof?: OneofNode,
    taken: Set<string> = new Set(),
  ): FieldNode {
    const features = withFeatures(outer, proto.options?.features)
    const isList = proto.label === REPEATED
    const isMessage = proto.type === Kind.Message || proto.type === Kind.Group
    const isRequired = proto.label === REQUIRED || features.fieldPresence === LEGACY_REQUIRED
    const isTextual = proto.type === Kind.String || proto.type === Kind.Bytes
    const packed = proto.options?.packed ?? features.repeatedFieldEncoding === PACKED
    const node: Mutable<FieldNode> = {
      proto,
      number: proto.number ?? 0,
      name: proto.name ?? '',
      local: freeName(safeProperty(camelName(proto.name ?? '')), taken),
      json: proto.jsonName ?? camelName(proto.name ?? ''),
      path,
      kind: isMessage ? Kind.Message : (proto.type ?? 0),
      isList,
      isPacked: isList && !isMessage && !isTextual && packed,
      isDelimited:
        proto.type === Kind.Group || (isMessage && features.messageEncoding === DELIMITED),
      isRequired,
      hasPresence: hasPresence(proto, features, isList, isMessage),
      isLooseText: features.utf8Validation === NO_VALIDATION,
      isDeprecated: proto.options?.deprecated === true,
      jsType: proto.options?.jstype ?? 0,
      oneof,
      message: undefined,
      enum: undefined,
      map: undefined,
      extendee: (proto.extendee ?? '').slice(1),
      fullName: '',
    }
    this.#later.push(() => this.#resolve(node))
    return node
  }

  #resolve(node: Mutable<FieldNode>): void {
    const { kind, proto } = node
    const name = (proto.typeName ?? '').slice(1)
    if (kind === Kind.Message) {
      node.message = this.#messages.get(name)
      if (node.message === undefined) throw missing(node.name, name)
      if (!node.isList || !node.message.isMapEntry) return
      const [key, value] = node.message.fields
      node.map = { key: key!, value: value! }
      node.isDelimited = false
    } else if (kind === Kind.Enum) {
      node.enum = this.#enums.get(name)
      if (node.enum === undefined) throw missing(node.name, name)
    }
  }

  #service(proto: ServiceDescriptorProto, file: FileNode, path: SourcePath): void {
    const node: ServiceNode = {
      proto,
      file,
      fullName: joined(file.package, '.', proto.name ?? ''),
      path,
      methods: [],
      isDeprecated: proto.options?.deprecated === true,
    }
    file.services.push(node)
    this.#later.push(() => {
      proto.method.forEach((each: MethodDescriptorProto, index: number) => {
        node.methods.push({
          proto: each,
          name: each.name ?? '',
          path: [...path, 2, index],
          request: this.#typeOfMethod(each, each.inputType),
          response: this.#typeOfMethod(each, each.outputType),
          isDeprecated: each.options?.deprecated === true,
        })
      })
    })
  }

  #typeOfMethod(method: MethodDescriptorProto, typeName: string | undefined): MessageNode {
    const name = (typeName ?? '').slice(1)
    const found = this.#messages.get(name)
    if (found === undefined) throw missing(method.name ?? '', name)
    return found
  }
}

interface Scope {
  readonly file: FileNode
  readonly fullName: string
  readonly local: string
  readonly features: Features
}

function missing(where: string, name: string): GenerateError {
  return new GenerateError(`${where}: its type ${name} is not in the request`)
}

function joined(outer: string, joint: string, name: string): string {
  return outer === '' ? name : `${outer}${joint}${name}`
}

/** A name that is not taken; it is from now on. */
function freeName(name: string, taken: Set<string>): string {
  let free = name
  while (taken.has(free)) free += '$'
  taken.add(free)
  return free
}

function hasPresence(
  proto: FieldDescriptorProto,
  features: Features,
  isList: boolean,
  isMessage: boolean,
): boolean {
  if (isList) return false
  if (isMessage || proto.oneofIndex !== undefined || proto.proto3Optional === true) return true
  if (proto.extendee !== undefined && proto.extendee !== '') return true
  return features.fieldPresence !== IMPLICIT
}
