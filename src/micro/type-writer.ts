import type protobuf from 'protobufjs'
import { kindOf, servicesOf } from './load-service.js'
import { lowerCamel } from './service.js'
import { TypeNames } from './type-names.js'

/** How types are printed. */
export interface TypeWriterOptions {
  /** As in `loadService`. Default: `bigint`. */
  readonly int64?: 'bigint' | 'string' | 'number'
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

  constructor(root: protobuf.Root, options: TypeWriterOptions) {
    this.#root = root
    this.#options = options
    this.#names = new TypeNames(root)
    this.#int64 = options.int64 ?? 'bigint'
  }

  write(): string {
    const { messages, enums } = this.#names
    const services = servicesOf(this.#root)
    const module = this.#options.module ?? 'microwire'
    const parts = [`// Made by microwire-types from ${this.#options.source}. Do not edit.`]
    if (services.length > 0) parts.push(`import type { MethodTypes } from '${module}'`)
    for (const type of enums) parts.push(this.#enum(type))
    for (const type of messages) parts.push(this.#received(type), this.#given(type))
    for (const service of services) parts.push(this.#service(service))
    return `${parts.join('\n\n')}\n`
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
    const fields = type.fieldsArray.map(field => {
      const mark = field.partOf === null ? '' : '?'
      return `${comment(field.comment, '  ')}  ${field.name}${mark}: ${this.#receivedType(field)}\n`
    })
    const oneofs = type.oneofsArray
      .filter(oneof => !isOptionalMark(oneof))
      .map(oneof => {
        const names = oneof.fieldsArray.map(field => `'${field.name}'`).join(' | ')
        return `  /** Which field of the oneof is there. */\n  ${oneof.name}?: ${names}\n`
      })
    return `${comment(type.comment)}export interface ${this.#names.of(type)} {\n${[...fields, ...oneofs].join('')}}`
  }

  #given(type: protobuf.Type): string {
    const name = this.#names.of(type)
    const fields = type.fieldsArray.map(
      field => `  ${field.name}?: ${this.#givenType(field)} | null | undefined\n`,
    )
    return `/** \`${name}\` as it may be given: any field may be left out. */\nexport interface ${this.#names.init(type)} {\n${fields.join('')}}`
  }

  #receivedType(field: protobuf.Field): string {
    const value = this.#valueType(field, type => this.#names.of(type), this.#int64)
    if (field.map) return `Record<string, ${value}>`
    if (field.repeated) return arrayOf(value)
    // A message that was not sent is null; in a oneof, or marked optional, the field is missing.
    return isMessage(field) && field.partOf === null ? `${value} | null` : value
  }

  #givenType(field: protobuf.Field): string {
    const any64 = 'bigint | number | string'
    const value = isEnum(field)
      ? this.#enumInit(field.resolvedType as protobuf.Enum)
      : this.#valueType(field, type => this.#names.init(type), any64)
    if (field.map) return `Record<string, ${value}>`
    return field.repeated ? arrayOf(value, 'readonly ') : value
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
        this.#names.of(request),
        this.#names.of(response),
        this.#names.init(request),
        this.#names.init(response),
      ]
      return `${comment(method.comment, '  ')}  ${lowerCamel(method.name)}: MethodTypes<${types.join(', ')}>\n`
    })
    const fullName = service.fullName.slice(1)
    const text = [
      service.comment,
      `\`loadService<${this.#names.of(service)}>(file, '${fullName}')\``,
    ]
    return (
      `${comment(text.filter(Boolean).join('\n\n'))}export interface ${this.#names.of(service)} {\n` +
      `${methods.join('')}}`
    )
  }
}

function isEnum(field: protobuf.Field): boolean {
  return field.resolvedType !== null && 'valuesById' in field.resolvedType
}

function isMessage(field: protobuf.Field): boolean {
  return field.resolvedType !== null && 'fieldsArray' in field.resolvedType
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
