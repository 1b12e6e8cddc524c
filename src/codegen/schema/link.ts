import type {
  DescriptorProto,
  EnumDescriptorProto,
  FieldDescriptorProto,
  FileDescriptorProto,
} from '../descriptor/descriptor-table.js'
import { GenerateError } from './generate-options.js'

const MESSAGE = 11
const ENUM = 14

/** Gives every type its whole name, in all files of a schema. @throws GenerateError that names file and place */
export function link(files: readonly FileDescriptorProto[]): void {
  const kinds = new Map<string, typeof MESSAGE | typeof ENUM>()
  for (const file of files) {
    const scope = file.package ?? ''
    declareEnums(kinds, file, file.enumType, scope)
    for (const message of file.messageType) declare(kinds, file, message, scope)
  }
  for (const file of files) new Linker(kinds, file).link()
}

type Kinds = Map<string, typeof MESSAGE | typeof ENUM>

function add(kinds: Kinds, file: FileDescriptorProto, name: string, kind: 11 | 14): void {
  if (kinds.has(name)) throw new GenerateError(`${file.name}: ${name} is defined twice`)
  kinds.set(name, kind)
}

function declareEnums(
  kinds: Kinds,
  file: FileDescriptorProto,
  enums: readonly EnumDescriptorProto[],
  scope: string,
): void {
  for (const each of enums) {
    const name = joined(scope, each.name)
    add(kinds, file, name, ENUM)
    if (each.value.length === 0) throw new GenerateError(`${file.name}: enum ${name} has no values`)
    if (file.syntax === 'proto3' && each.value[0]!.number !== 0) {
      throw new GenerateError(`${file.name}: the first value of enum ${name} must be 0 in proto3`)
    }
  }
}

function declare(
  kinds: Kinds,
  file: FileDescriptorProto,
  message: DescriptorProto,
  scope: string,
): void {
  const name = joined(scope, message.name)
  add(kinds, file, name, MESSAGE)
  checkFields(file, message, name)
  declareEnums(kinds, file, message.enumType, name)
  for (const nested of message.nestedType) declare(kinds, file, nested, name)
}

function checkFields(file: FileDescriptorProto, message: DescriptorProto, name: string): void {
  const seen = new Set<unknown>()
  for (const field of message.field) {
    for (const key of [field.number, field.name]) {
      if (seen.has(key)) {
        throw new GenerateError(`${file.name}: message ${name} has ${key} twice, at ${field.name}`)
      }
      seen.add(key)
    }
  }
}

function joined(scope: string, name: string | undefined): string {
  return scope === '' ? (name ?? '') : `${scope}.${name}`
}

class Linker {
  readonly #kinds: Kinds
  readonly #file: FileDescriptorProto

  constructor(kinds: Kinds, file: FileDescriptorProto) {
    this.#kinds = kinds
    this.#file = file
  }

  link(): void {
    const { messageType, extension, service } = this.#file
    const scope = this.#file.package ?? ''
    for (const message of messageType) this.#message(message, joined(scope, message.name))
    for (const field of extension) this.#field(field, scope)
    for (const each of service) {
      for (const method of each.method) {
        const where = `${joined(scope, each.name)}.${method.name}`
        method.inputType = this.#find(method.inputType ?? '', scope, where, MESSAGE)
        method.outputType = this.#find(method.outputType ?? '', scope, where, MESSAGE)
      }
    }
  }

  #message(message: DescriptorProto, scope: string): void {
    for (const field of message.field) this.#field(field, scope)
    for (const field of message.extension) this.#field(field, scope)
    for (const nested of message.nestedType) this.#message(nested, joined(scope, nested.name))
  }

  #field(field: FieldDescriptorProto, scope: string): void {
    const where = joined(scope, field.name)
    if (field.extendee !== undefined)
      field.extendee = this.#find(field.extendee, scope, where, MESSAGE)
    if (field.typeName === undefined) return
    field.typeName = this.#find(field.typeName, scope, where)
    field.type ??= this.#kinds.get(field.typeName.slice(1))!
  }

  /** From the innermost scope outwards. Returns the whole name with a dot in front. */
  #find(name: string, scope: string, where: string, wanted?: 11 | 14): string {
    const found = name.startsWith('.') ? name.slice(1) : this.#search(name, scope)
    const kind = found === undefined ? undefined : this.#kinds.get(found)
    if (kind === undefined) {
      throw new GenerateError(
        `${this.#file.name}: ${where}: there is no type ${name}; is the file that has it imported?`,
      )
    }
    if (wanted !== undefined && kind !== wanted) {
      throw new GenerateError(`${this.#file.name}: ${where}: ${name} is no message`)
    }
    return `.${found}`
  }

  #search(name: string, scope: string): string | undefined {
    let outer = scope
    for (;;) {
      const candidate = joined(outer, name)
      if (this.#kinds.has(candidate)) return candidate
      if (outer === '') return undefined
      outer = outer.includes('.') ? outer.slice(0, outer.lastIndexOf('.')) : ''
    }
  }
}
