import type * as protobuf from 'protobufjs'
import { kindOf, servicesOf } from '../service/schema-root.js'
import { lowerCamel } from '../service/service.js'
import { TypeNames } from './type-names.js'
import { wellKnownTypes } from './well-known-types.js'

/** Types of the package that the printed ones may need. */
const IMPORTED: readonly string[] = ['JsonObject', 'JsonValue', 'MethodTypes']

/** How types are printed. */
export interface TypeWriterOptions {
  /** As in `loadService`. Default: `bigint`. */
  readonly int64?: 'bigint' | 'string' | 'number'
  /** As in `loadService`. Default: `native`. */
  readonly wellKnownTypes?: 'native' | 'raw'
  /** Names the source in the first line. */
  readonly source: string
  /** Where the types of `Service` come from. Default: `microwire`. */
  readonly module?: string
}

const INT64_TYPES: ReadonlySet<string> = new Set([
  'int64',
  'uint64',
  'sint64',
  'fixed64',
  'sfixed64',
])
const NUMBER_TYPES: ReadonlySet<string> = new Set([
  'double',
  'float',
  'int32',
  'uint32',
  'sint32',
  'fixed32',
  'sfixed32',
])

/**
 * TypeScript for a resolved schema: for each message what arrives (`Hello`)
 * and what may be given (`HelloInit`), for each enum an object of its values,
 * for each service the type that `loadService` takes.
 */
export function writeTypes(root: protobuf.Root, options: TypeWriterOptions): string {
  return new TypeWriter(root, options).write()
}

class TypeWriter {
  readonly #root: protobuf.Root
  readonly #options: TypeWriterOptions
  readonly #names: TypeNames
  readonly #int64: string
  readonly #wellKnown: ReturnType<typeof wellKnownTypes>

  constructor(root: protobuf.Root, options: TypeWriterOptions) {
    this.#root = root
    this.#options = options
    this.#int64 = options.int64 ?? 'bigint'
    this.#wellKnown = wellKnownTypes(options.wellKnownTypes ?? 'native', this.#int64)
    this.#names = new TypeNames(root, type => this.#wellKnown.has(type.fullName))
  }

  write(): string {
    const { messages, enums } = this.#names
    const services = servicesOf(this.#root)
    const module = this.#options.module ?? 'microwire'
    const types = [
      ...enums.map(type => this.#enum(type)),
      ...messages.flatMap(type => [this.#received(type), this.#given(type)]),
      ...services.map(service => this.#service(service)),
    ]
    const parts = [`// Made by microwire-types from ${this.#options.source}. Do not edit.`]
    const imported = IMPORTED.filter(name =>
      types.some(text => new RegExp(`\\b${name}\\b`).test(text)),
    )
    if (imported.length > 0) parts.push(`import type { ${imported.join(', ')} } from '${module}'`)
    return `${[...parts, ...types].join('\n\n')}\n`
  }

  #enum(type: protobuf.Enum): string {
    const name = this.#names.of(type)
    const values = Object.entries(type.values).map(([key, value]) => {
      return `${comment(type.comments[key], '  ')}  ${key}: ${value},\n`
    })
    return (
      `${comment(type.comment)}export const ${name} = {\n${values.join('')}} as const\n` +
      `export type ${name} = (typeof ${name})[keyof typeof ${name}]`
    )
  }

  #received(type: protobuf.Type): string {
    const oneofs = type.oneofsArray.filter(oneof => !isOptionalMark(oneof))
    const chosen = new Set(oneofs.flatMap(oneof => oneof.fieldsArray))
    const fields = type.fieldsArray
      .filter(field => !chosen.has(field))
      .map(field => {
        const mark = isLeftOut(field) ? '?' : ''
        return `${comment(field.comment, '  ')}  ${key(field.name)}${mark}: ${this.#receivedType(field)}\n`
      })
    const head = comment(type.comment)
    const name = this.#names.of(type)
    if (oneofs.length === 0) return `${head}export interface ${name} {\n${fields.join('')}}`
    const unions = oneofs.map(oneof => this.#oneof(oneof))
    return `${head}export type ${name} = {\n${fields.join('')}}${unions.join('')}`
  }

  /** A union that its name tells apart: where it says which field is there, the field is. */
  #oneof(oneof: protobuf.OneOf): string {
    const { fieldsArray, name } = oneof
    const rest = (chosen: protobuf.Field | undefined): string =>
      fieldsArray
        .filter(field => field !== chosen)
        .map(field => `; ${key(field.name)}?: undefined`)
        .join('')
    const members = fieldsArray.map(field => {
      const type = this.#receivedType(field)
      return `${comment(field.comment, '  ')}  | { ${key(name)}: '${field.name}'; ${key(field.name)}: ${type}${rest(field)} }\n`
    })
    return ` & (\n${members.join('')}  | { ${key(name)}?: undefined${rest(undefined)} }\n)`
  }

  #given(type: protobuf.Type): string {
    const name = this.#names.of(type)
    const fields = type.fieldsArray.map(field =>
      field.required
        ? `  ${key(field.name)}: ${this.#givenType(field)}\n`
        : `  ${key(field.name)}?: ${this.#givenType(field)} | null | undefined\n`,
    )
    // As it arrives, so that a message may be handed on.
    for (const oneof of type.oneofsArray) {
      if (!isOptionalMark(oneof)) fields.push(`  ${key(oneof.name)}?: string | undefined\n`)
    }
    return `/** \`${name}\` as it may be given: any field may be left out. */\nexport interface ${this.#names.init(type)} {\n${fields.join('')}}`
  }

  #receivedType(field: protobuf.Field): string {
    const value = this.#valueType(field, type => this.#receivedName(type), this.#int64)
    if (field.map) return `Record<string, ${value}>`
    if (field.repeated) return arrayOf(value)
    // A message that was not sent is null; in a oneof, or marked optional, the field is missing.
    if (!isMessage(field) || field.partOf !== null || field.required) return value
    return value === 'JsonValue' ? value : `${value} | null`
  }

  #givenType(field: protobuf.Field): string {
    const any64 = 'bigint | number | string'
    const value = isEnum(field)
      ? this.#enumInit(field.resolvedType as protobuf.Enum)
      : this.#valueType(field, type => this.#givenName(type), any64)
    if (field.map) return `Record<string, ${value}>`
    return field.repeated ? arrayOf(value, 'readonly ') : value
  }

  #receivedName(type: protobuf.Type): string {
    return this.#wellKnown.get(type.fullName)?.received ?? this.#names.of(type)
  }

  #givenName(type: protobuf.Type): string {
    return this.#wellKnown.get(type.fullName)?.given ?? this.#names.init(type)
  }

  #enumInit(type: protobuf.Enum): string {
    const name = this.#names.of(type)
    return `${name} | keyof typeof ${name}`
  }

  #valueType(field: protobuf.Field, named: (type: protobuf.Type) => string, int64: string): string {
    if (isEnum(field)) return this.#names.of(field.resolvedType as protobuf.Enum)
    if (isMessage(field)) return named(field.resolvedType as protobuf.Type)
    if (field.type === 'string') return 'string'
    if (field.type === 'bool') return 'boolean'
    if (field.type === 'bytes') return 'Uint8Array'
    if (INT64_TYPES.has(field.type)) return int64
    return NUMBER_TYPES.has(field.type) ? 'number' : 'unknown'
  }

  #service(service: protobuf.Service): string {
    const methods = service.methodsArray.map(method => {
      const request = method.resolvedRequestType!
      const response = method.resolvedResponseType!
      const types = [
        `'${kindOf(method)}'`,
        this.#receivedName(request),
        this.#receivedName(response),
        this.#givenName(request),
        this.#givenName(response),
      ]
      return `${comment(method.comment, '  ')}  ${lowerCamel(method.name)}: MethodTypes<${types.join(', ')}>\n`
    })
    const fullName = service.fullName.slice(1)
    const text = [
      service.comment,
      `\`loadService<${this.#names.of(service)}>(file, '${fullName}'${this.#form()})\``,
    ]
    return (
      `${comment(text.filter(Boolean).join('\n\n'))}export interface ${this.#names.of(service)} {\n` +
      `${methods.join('')}}`
    )
  }

  /** What `loadService` has to be told, so that what arrives is what these types say. */
  #form(): string {
    const { int64 = 'bigint', wellKnownTypes = 'native' } = this.#options
    const parts = [
      ...(int64 === 'bigint' ? [] : [`int64: '${int64}'`]),
      ...(wellKnownTypes === 'native' ? [] : [`wellKnownTypes: '${wellKnownTypes}'`]),
    ]
    return parts.length === 0 ? '' : `, { ${parts.join(', ')} }`
  }
}

function isEnum(field: protobuf.Field): boolean {
  return field.resolvedType !== null && 'valuesById' in field.resolvedType
}

function isMessage(field: protobuf.Field): boolean {
  return field.resolvedType !== null && 'fieldsArray' in field.resolvedType
}

/** Whether a field of no oneof is missing where it was not sent. */
function isLeftOut(field: protobuf.Field): boolean {
  if (field.partOf !== null) return true
  if (isMessage(field) || field.required) return false
  return (field as unknown as { hasPresence: boolean }).hasPresence
}

/** A property's name: extensions are called `.package.name`. */
function key(name: string): string {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name) ? name : `'${name}'`
}

/** `optional` is a oneof of one, which nobody wants to see. */
function isOptionalMark(oneof: protobuf.OneOf): boolean {
  return (oneof as unknown as { isProto3Optional: boolean }).isProto3Optional
}

function arrayOf(type: string, prefix = ''): string {
  return type.includes(' ') ? `${prefix}(${type})[]` : `${prefix}${type}[]`
}

/** A doc comment with its line end, indented; nothing for no text. */
function comment(text: string | null | undefined, indent = ''): string {
  if (text === null || text === undefined || text === '') return ''
  const lines = text.replaceAll('*/', '* /').split('\n')
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`
  const body = lines.map(line => `${indent} * ${line}`.trimEnd()).join('\n')
  return `${indent}/**\n${body}\n${indent} */\n`
}
