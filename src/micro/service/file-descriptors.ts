import type * as protobuf from 'protobufjs'
import { defaultText } from './default-text.js'
import type { FileNames } from './file-names.js'
import { exportsOf, fileAccess } from './protobufjs-library.js'

type Extension = typeof import('protobufjs/ext/descriptor.js')

/** What protobufjs notes of an object and does not show in its types. */
interface Noted {
  /** `proto2`, `proto3`, `2023` ... of the file of a top-level object. */
  readonly _edition?: string | null
}

type TopLevel = protobuf.Type | protobuf.Enum | protobuf.Service | protobuf.Field

/** One file of the schema. */
interface SchemaFile {
  readonly name: string
  readonly package: string
  readonly edition: string
  readonly objects: TopLevel[]
  readonly dependencies: Set<string>
}

/** protobufjs's own definitions of well-known types, by file name. */
type Bundled = Readonly<Record<string, { readonly nested?: object }>>

const BUNDLED_PREFIX = 'google/protobuf/'

/** FieldDescriptorProto.Type. */
const SCALARS: Readonly<Record<string, number>> = {
  double: 1,
  float: 2,
  int64: 3,
  uint64: 4,
  int32: 5,
  fixed64: 6,
  fixed32: 7,
  bool: 8,
  string: 9,
  bytes: 12,
  uint32: 13,
  sfixed32: 15,
  sfixed64: 16,
  sint32: 17,
  sint64: 18,
}
const GROUP = 10
const MESSAGE = 11
const ENUM = 14
const OPTIONAL = 1
const REQUIRED = 2
const REPEATED = 3

/**
 * The serialised `FileDescriptorProto`s of all files of a schema that is resolved.
 *
 * protobufjs's own `toDescriptor` makes one file of each package, and map and
 * extension fields that Go's tools refuse. Custom options and comments are not
 * kept: protobufjs has dropped what they were.
 */
export async function descriptorsOf(
  library: typeof protobuf,
  root: protobuf.Root,
  names: FileNames,
): Promise<readonly Uint8Array[]> {
  // For bundlers, as in protobufjs-library.ts: the package may be missing.
  const imported = await import('protobufjs/ext/descriptor.js').catch(refuse)
  return new DescriptorWriter(library, exportsOf(imported), names).write(root)
}

function refuse(cause: unknown): never {
  throw new Error('descriptors of .proto files need the package protobufjs, whole', { cause })
}

class DescriptorWriter {
  readonly #library: typeof protobuf
  readonly #extension: Extension
  readonly #names: FileNames
  readonly #files = new Map<string, SchemaFile>()
  #current: SchemaFile | undefined

  constructor(library: typeof protobuf, extension: Extension, names: FileNames) {
    this.#library = library
    this.#extension = extension
    this.#names = names
  }

  write(root: protobuf.Root): Uint8Array[] {
    this.#collect(root)
    return [...this.#files.values()].map(file => this.#file(file))
  }

  #collect(namespace: protobuf.NamespaceBase): void {
    for (const object of namespace.nestedArray) {
      if (this.#isTopLevel(object)) this.#fileOf(object).objects.push(object)
      else this.#collect(object as protobuf.Namespace)
    }
  }

  #isTopLevel(object: protobuf.ReflectionObject): object is TopLevel {
    const { Type, Enum, Service, Field } = this.#library
    return [Type, Enum, Service, Field].some(kind => object instanceof kind)
  }

  /** The file that declares a top-level object. */
  #fileOf(object: protobuf.ReflectionObject): SchemaFile {
    const path = object.filename ?? this.#bundledFile(object.name)
    let file = this.#files.get(path)
    if (file === undefined) {
      const isBundled = object.filename === null
      const pkg = object.parent?.fullName.slice(1) ?? ''
      file = {
        name: isBundled ? path : this.#names.nameOf(path, pkg),
        package: pkg,
        edition: isBundled ? 'proto3' : ((object as Noted)._edition ?? 'proto2'),
        objects: [],
        dependencies: new Set(),
      }
      this.#files.set(path, file)
    }
    return file
  }

  /** The well-known types come without a file. */
  #bundledFile(typeName: string): string {
    const bundled = this.#library.common as unknown as Bundled
    const found = Object.keys(bundled).find(file => {
      const text = file.startsWith(BUNDLED_PREFIX) ? JSON.stringify(bundled[file]) : ''
      return text.includes(`"${typeName}":{"`)
    })
    return found ?? `${BUNDLED_PREFIX}${typeName.toLowerCase()}.proto`
  }

  #file(file: SchemaFile): Uint8Array {
    const { Type, Enum, Service } = this.#library
    const { FileDescriptorProto } = this.#extension
    this.#current = file
    const { objects, edition } = file
    const isOld = edition === 'proto2' || edition === 'proto3'
    const services = objects.filter(object => object instanceof Service)
    const content = {
      name: file.name,
      package: file.package,
      messageType: objects.filter(object => object instanceof Type).map(type => this.#type(type)),
      enumType: objects.filter(object => object instanceof Enum).map(object => this.#enum(object)),
      service: services.map(service => this.#service(service)),
      extension: objects
        .filter(object => object instanceof this.#library.Field)
        .map(field => this.#field(field, [])),
      // As protoc: nothing said is proto2.
      ...(edition === 'proto2' ? {} : { syntax: isOld ? edition : 'editions' }),
      ...(isOld ? {} : { edition: `EDITION_${edition}` }),
    }
    const path = objects[0]!.filename ?? ''
    for (const target of this.#names.importsOf(path)) this.#depend(this.#files.get(target))
    const message = FileDescriptorProto.fromObject({
      ...content,
      dependency: [...file.dependencies],
    })
    return FileDescriptorProto.encode(message).finish()
  }

  #depend(file: SchemaFile | undefined): void {
    if (file !== undefined && file !== this.#current) this.#current!.dependencies.add(file.name)
  }

  /** The full name of a type, whose file becomes a dependency: an `import public` may have brought it. */
  #reference(type: protobuf.ReflectionObject | null): string {
    let top = type!
    while (top.parent instanceof this.#library.Type) top = top.parent
    this.#depend(this.#fileOf(top))
    return type!.fullName
  }

  #type(type: protobuf.Type): object {
    const { Type, Enum, Field, MapField } = this.#library
    const { extensionRange, ...reserved } = rangesOf(type)
    const fields = type.fieldsArray.filter(field => field.declaringField === null)
    // The ones made up for `optional` come last.
    const oneofs = type.oneofsArray.filter(oneof => !isSynthetic(oneof))
    oneofs.push(...type.oneofsArray.filter(isSynthetic))
    const nested = type.nestedArray
    const maps = fields.filter(field => field instanceof MapField)
    return {
      name: type.name,
      field: fields.map(field => this.#field(field, oneofs)),
      nestedType: [
        ...maps.map(field => this.#mapEntry(field)),
        ...nested.filter(object => object instanceof Type).map(child => this.#type(child)),
      ],
      enumType: nested.filter(object => object instanceof Enum).map(child => this.#enum(child)),
      extension: nested
        .filter(object => object instanceof Field)
        .map(field => this.#field(field, [])),
      oneofDecl: oneofs.map(oneof => ({
        name: isSynthetic(oneof) ? `_${protoName(oneof.fieldsArray[0]!)}` : snakeCase(oneof.name),
        options: this.#options(oneof, this.#extension.OneofOptions),
      })),
      extensionRange,
      ...reserved,
      options: this.#options(type, this.#extension.MessageOptions),
    }
  }

  #field(field: protobuf.FieldBase, oneofs: readonly protobuf.OneOf[]): object {
    const isMap = field instanceof this.#library.MapField
    const type = isMap ? MESSAGE : this.#fieldType(field)
    const name = protoName(field)
    const extended = (field as { extensionField?: protobuf.Field | null }).extensionField
    const options = field.options ?? {}
    return {
      name: type === GROUP ? name.toLowerCase() : name,
      number: field.id,
      label: isMap || field.repeated ? REPEATED : field.rule === 'required' ? REQUIRED : OPTIONAL,
      type,
      ...(isMap ? { typeName: `${field.parent!.fullName}.${entryName(field)}` } : {}),
      ...(!isMap && type in NAMED ? { typeName: this.#reference(field.resolvedType) } : {}),
      jsonName: field.jsonName ?? this.#library.util.jsonName(name),
      ...(extended == null ? {} : { extendee: this.#reference(extended.parent) }),
      ...(options['default'] == null
        ? {}
        : { defaultValue: defaultText(field, () => this.#source(field)) }),
      ...(field.partOf === null ? {} : { oneofIndex: oneofs.indexOf(field.partOf) }),
      ...(options['proto3_optional'] === true ? { proto3Optional: true } : {}),
      options: this.#options(field, this.#extension.FieldOptions),
    }
  }

  /** Text of the file that declares it; empty where there is none. */
  #source(field: protobuf.FieldBase): string {
    return field.filename == null
      ? ''
      : fileAccess(this.#library).fs.readFileSync(field.filename, 'utf8')
  }

  /** Only proto2 has groups; editions say the same by a feature of a message field. */
  #fieldType(field: protobuf.FieldBase): number {
    const scalar = SCALARS[field.type]
    if (scalar !== undefined) return scalar
    if (field.resolvedType instanceof this.#library.Enum) return ENUM
    return (field.resolvedType as { group?: boolean } | null)?.group === true ? GROUP : MESSAGE
  }

  #mapEntry(field: protobuf.MapField): object {
    const type = this.#fieldType(field)
    const typeName = type in NAMED ? { typeName: this.#reference(field.resolvedType) } : {}
    const common = { label: OPTIONAL }
    return {
      name: entryName(field),
      field: [
        { name: 'key', number: 1, jsonName: 'key', type: SCALARS[field.keyType], ...common },
        { name: 'value', number: 2, jsonName: 'value', type, ...typeName, ...common },
      ],
      options: { mapEntry: true },
    }
  }

  #enum(type: protobuf.Enum): object {
    const { EnumOptions, EnumValueOptions } = this.#extension
    return {
      name: type.name,
      value: Object.entries(type.values).map(([name, number]) => ({
        name,
        number,
        options: this.#options({ options: type.valuesOptions?.[name] }, EnumValueOptions),
      })),
      ...reservedOf(type.reserved, 0),
      options: this.#options(type, EnumOptions),
    }
  }

  #service(service: protobuf.Service): object {
    const { ServiceOptions, MethodOptions } = this.#extension
    return {
      name: service.name,
      method: service.methodsArray.map(method => ({
        name: method.name,
        inputType: this.#reference(method.resolvedRequestType),
        outputType: this.#reference(method.resolvedResponseType),
        ...(method.requestStream === true ? { clientStreaming: true } : {}),
        ...(method.responseStream === true ? { serverStreaming: true } : {}),
        options: this.#options(method, MethodOptions),
      })),
      options: this.#options(service, ServiceOptions),
    }
  }

  /** The options that protobuf itself knows. */
  #options(
    { options }: { readonly options?: object | null | undefined },
    type: protobuf.Type,
  ): object | undefined {
    const known: Record<string, unknown> = {}
    for (const [key, value] of Object.entries(options ?? {})) {
      const field = type.fields[this.#library.util.camelCase(key)]
      if (field === undefined) continue
      const inner = field.resolve().resolvedType
      const isMessage = inner instanceof this.#library.Type && !Array.isArray(value)
      const content = isMessage ? this.#options({ options: value as object }, inner) : value
      known[field.name] = field.repeated ? [content].flat() : content
    }
    return Object.keys(known).length === 0 ? undefined : known
  }
}

/** Types of fields that have a type's name. */
const NAMED: Readonly<Record<number, true>> = { [GROUP]: true, [MESSAGE]: true, [ENUM]: true }

function protoName(field: protobuf.FieldBase): string {
  return field.protoName ?? field.name
}

/** protobufjs has made `oneChoice` of a oneof's `one_choice`, for good. */
function snakeCase(name: string): string {
  return name.replace(/(?<=[a-z0-9])[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}

/** As protoc names it: `tag_values` has entries of `TagValuesEntry`. */
function entryName(field: protobuf.FieldBase): string {
  const camel = protoName(field).replace(/(?:^|_+)([a-z0-9])/g, (_, letter: string) =>
    letter.toUpperCase(),
  )
  return `${camel.replaceAll('_', '')}Entry`
}

function isSynthetic(oneof: protobuf.OneOf): boolean {
  return oneof.fieldsArray[0]?.options?.['proto3_optional'] === true
}

function rangesOf(type: protobuf.Type): { extensionRange: object[] } & object {
  const ranges = (type.extensions ?? []) as readonly number[][]
  return {
    extensionRange: ranges.map(([start, last]) => ({ start, end: last! + 1 })),
    ...reservedOf(type.reserved, 1),
  }
}

/** Ranges of messages end before `end`, those of enums with it. */
function reservedOf(reserved: readonly (number[] | string)[] | undefined, beyond: number): object {
  const all = reserved ?? []
  return {
    reservedRange: all
      .filter(entry => typeof entry !== 'string')
      .map(([start, last]) => ({ start, end: last! + beyond })),
    reservedName: all.filter(entry => typeof entry === 'string'),
  }
}
