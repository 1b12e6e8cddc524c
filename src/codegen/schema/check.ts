import type {
  DescriptorProto,
  EnumDescriptorProto,
  FieldDescriptorProto,
  FileDescriptorProto,
  ServiceDescriptorProto,
} from '../descriptor/descriptor-table.js'
import { lineOf, mistake } from './places.js'

const REPEATED = 3

/** What the default of a field may look like, by its type; others are texts, octets and enums. */
const DEFAULTS: ReadonlyMap<number, RegExp> = new Map([
  ...[3, 4, 5, 6, 7, 13, 15, 16, 17, 18].map(type => [type, /^-?(?:0x[\da-f]+|\d+)$/i] as const),
  ...[1, 2].map(type => [type, /^-?(?:inf|nan|[\d.]+(?:e[+-]?\d+)?)f?$/i] as const),
  [8, /^(?:true|false)$/],
])

/** @param type what the name of the field's type stands for @throws GenerateError for a default of another type */
export function checkDefault(
  file: FileDescriptorProto,
  field: FieldDescriptorProto,
  where: string,
  type: object | undefined,
): void {
  const { defaultValue } = field
  if (defaultValue === undefined) return
  const values = (type as Partial<EnumDescriptorProto> | undefined)?.value
  const isOne =
    values === undefined
      ? (DEFAULTS.get(field.type ?? 0)?.test(defaultValue) ?? true)
      : values.some(({ name }) => name === defaultValue)
  if (!isOne) throw mistake(file.name, field, `${where} cannot have the default ${defaultValue}`)
}

/** What can be said of a message, an enum or a service by itself. Each throws a GenerateError. */
export class Checks {
  readonly #file: FileDescriptorProto
  /** Values of enums lie beside their enum: two enums of one scope share their names. */
  readonly #values = new Map<string, object>()

  constructor(file: FileDescriptorProto) {
    this.#file = file
  }

  message(message: DescriptorProto, name: string): void {
    const numbers = new Map<number, FieldDescriptorProto>()
    // Not those that stand for `optional`: nobody has written them.
    const written = message.oneofDecl.filter(({ name }) => !name?.startsWith('_'))
    const names = new Map<string, object>(written.map(each => [each.name ?? '', each]))
    const what = `message ${name}`
    for (const field of message.field) {
      this.#once(names, field.name ?? '', field, what)
      this.#once(numbers, field.number ?? 0, field, what)
      this.#reserved(message, field, what, 0)
      if (field.oneofIndex !== undefined && field.label === REPEATED) {
        this.#fail(field, `${what}: ${field.name} is repeated, which a oneof cannot have`)
      }
    }
  }

  enum(made: EnumDescriptorProto, name: string, scope: string): void {
    const what = `enum ${name}`
    const first = made.value[0]
    if (first === undefined) this.#fail(made, `${what} has no values`)
    if (this.#file.syntax === 'proto3' && first.number !== 0) {
      this.#fail(first, `the first value of ${what} must be 0 in proto3`)
    }
    const numbers = new Map<number, object>()
    for (const value of made.value) {
      const whole = scope === '' ? (value.name ?? '') : `${scope}.${value.name}`
      const before = this.#values.get(whole)
      if (before !== undefined) {
        const line = lineOf(before)
        this.#fail(value, `${whole} is defined twice, before in ${line}: enums share their scope`)
      }
      this.#values.set(whole, value)
      this.#reserved(made, value, what, 1)
      if (made.options?.allowAlias !== true) this.#once(numbers, value.number ?? 0, value, what)
    }
  }

  service(service: ServiceDescriptorProto, name: string): void {
    const names = new Map<string, object>()
    for (const method of service.method) {
      this.#once(names, method.name ?? '', method, `service ${name}`)
    }
  }

  #once<K>(seen: Map<K, object>, key: K, at: Named, what: string): void {
    const before = seen.get(key)
    if (before !== undefined) {
      this.#fail(at, `${what} has ${key} twice, at ${at.name}, before in ${lineOf(before)}`)
    }
    seen.set(key, at)
  }

  /** @param beyond 1 where a range ends with its end, as of enums; those of messages end before */
  #reserved(by: Reserving, at: Numbered, what: string, beyond: number): void {
    const { name = '', number = 0 } = at
    if (by.reservedName.includes(name)) this.#fail(at, `${what}: the name ${name} is reserved`)
    const isIn = ({ start = 0, end = 0 }: Range) => number >= start && number < end + beyond
    if (by.reservedRange.some(isIn)) {
      this.#fail(at, `${what}: the number ${number} of ${name} is reserved`)
    }
  }

  #fail(at: object, problem: string): never {
    throw mistake(this.#file.name, at, problem)
  }
}

interface Named {
  readonly name?: string | undefined
}

interface Numbered extends Named {
  readonly number?: number | undefined
}

interface Range {
  readonly start?: number | undefined
  readonly end?: number | undefined
}

interface Reserving {
  readonly reservedName: readonly string[]
  readonly reservedRange: readonly Range[]
}
