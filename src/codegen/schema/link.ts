import type {
  DescriptorProto,
  EnumDescriptorProto,
  FieldDescriptorProto,
  FileDescriptorProto,
} from '../descriptor/descriptor-table.js'
import { Checks, checkDefault } from './check.js'
import { mistake } from './places.js'

const MESSAGE = 11
const ENUM = 14

/** Gives every type its whole name, in all files of a schema. @throws GenerateError that names file and place */
export function link(files: readonly FileDescriptorProto[]): void {
  const kinds = new Map<string, typeof MESSAGE | typeof ENUM>()
  const declared: Declared = new Map()
  for (const file of files) new Declarer(kinds, declared, file).declare()
  for (const file of files) new Linker(kinds, declared, file).link()
}

type Kinds = Map<string, typeof MESSAGE | typeof ENUM>
type Declared = Map<string, object>

/** Gives names to what one file declares, each once in all files. */
class Declarer {
  readonly #kinds: Kinds
  readonly #declared: Declared
  readonly #file: FileDescriptorProto
  readonly #checks: Checks

  constructor(kinds: Kinds, declared: Declared, file: FileDescriptorProto) {
    this.#kinds = kinds
    this.#declared = declared
    this.#file = file
    this.#checks = new Checks(file)
  }

  declare(): void {
    const scope = this.#file.package ?? ''
    this.#enums(this.#file.enumType, scope)
    for (const message of this.#file.messageType) this.#message(message, scope)
    for (const service of this.#file.service) {
      const name = this.#add(service, scope)
      this.#checks.service(service, name)
    }
  }

  #add(descriptor: { readonly name?: string | undefined }, scope: string): string {
    const name = joined(scope, descriptor.name)
    if (this.#declared.has(name)) {
      throw mistake(this.#file.name, descriptor, `${name} is defined twice`)
    }
    this.#declared.set(name, descriptor)
    return name
  }

  #enums(enums: readonly EnumDescriptorProto[], scope: string): void {
    for (const each of enums) {
      const name = this.#add(each, scope)
      this.#kinds.set(name, ENUM)
      this.#checks.enum(each, name, scope)
    }
  }

  #message(message: DescriptorProto, scope: string): void {
    const name = this.#add(message, scope)
    this.#kinds.set(name, MESSAGE)
    this.#checks.message(message, name)
    this.#enums(message.enumType, name)
    for (const nested of message.nestedType) this.#message(nested, name)
  }
}

function joined(scope: string, name: string | undefined): string {
  return scope === '' ? (name ?? '') : `${scope}.${name}`
}

class Linker {
  readonly #kinds: Kinds
  readonly #declared: Declared
  readonly #file: FileDescriptorProto

  constructor(kinds: Kinds, declared: Declared, file: FileDescriptorProto) {
    this.#kinds = kinds
    this.#declared = declared
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
        method.inputType = this.#find(method, method.inputType ?? '', scope, where, MESSAGE)
        method.outputType = this.#find(method, method.outputType ?? '', scope, where, MESSAGE)
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
      field.extendee = this.#find(field, field.extendee, scope, where, MESSAGE)
    if (field.typeName === undefined) return checkDefault(this.#file, field, where, undefined)
    field.typeName = this.#find(field, field.typeName, scope, where)
    field.type ??= this.#kinds.get(field.typeName.slice(1))!
    checkDefault(this.#file, field, where, this.#declared.get(field.typeName.slice(1)))
  }

  /** From the innermost scope outwards. Returns the whole name with a dot in front. */
  #find(at: object, name: string, scope: string, where: string, wanted?: 11): string {
    const found = name.startsWith('.') ? name.slice(1) : this.#search(name, scope)
    const kind = found === undefined ? undefined : this.#kinds.get(found)
    if (kind === undefined) {
      const problem = `${where}: there is no type ${name}; is the file that has it imported?`
      throw mistake(this.#file.name, at, problem)
    }
    if (wanted !== undefined && kind !== wanted) {
      throw mistake(this.#file.name, at, `${where}: ${name} is no message`)
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
