import type * as protobuf from 'protobufjs'
import { servicesOf } from '../service/schema-root.js'

/** Words that no type may be called. */
const TAKEN: readonly string[] = [
  'Array',
  'Date',
  'JsonObject',
  'JsonValue',
  'MethodTypes',
  'Object',
  'Record',
  'String',
  'Number',
  'Uint8Array',
]

type Named = protobuf.Type | protobuf.Enum | protobuf.Service

/** Names for the types of a schema: short where that is clear, with packages in front where two would be the same. */
export class TypeNames {
  readonly messages: readonly protobuf.Type[]
  readonly enums: readonly protobuf.Enum[]
  readonly #names = new Map<Named, string>()
  readonly #used = new Set<string>(TAKEN)

  /** `isReplaced`: types that are printed as something else, and need no name. */
  constructor(root: protobuf.Root, isReplaced: (type: protobuf.Type) => boolean = () => false) {
    const messages: protobuf.Type[] = []
    const enums: protobuf.Enum[] = []
    collect(root, messages, enums)
    const used = usedTypes(root, messages, isReplaced)
    this.messages = messages.filter(type => used.has(type))
    this.enums = enums.filter(type => used.has(type) || !isGoogles(type))
    for (const service of servicesOf(root)) this.#name(service, [''])
    for (const type of this.enums) this.#name(type, [''])
    for (const type of this.messages) this.#name(type, ['', 'Init'])
  }

  of(type: Named): string {
    return this.#names.get(type)!
  }

  /** What a message is called as it may be given. */
  init(type: protobuf.Type): string {
    return `${this.of(type)}Init`
  }

  /** The shortest name that is free, with every ending. */
  #name(type: Named, endings: readonly string[]): void {
    const parts = type.fullName.slice(1).split('.')
    let count = 1
    // Nested types keep the message around them in the name.
    while (count < parts.length && 'fieldsArray' in (ancestor(type, count) ?? {})) count++
    let name = join(parts, count)
    while (count < parts.length && endings.some(ending => this.#used.has(name + ending))) {
      name = join(parts, ++count)
    }
    while (endings.some(ending => this.#used.has(name + ending))) name += '_'
    for (const ending of endings) this.#used.add(name + ending)
    this.#names.set(type, name)
  }
}

/** What a schema of one's own uses of the types that protobuf brings along, and all that is its own. */
function usedTypes(
  root: protobuf.Root,
  messages: readonly protobuf.Type[],
  isReplaced: (type: protobuf.Type) => boolean,
): Set<protobuf.ReflectionObject> {
  const used = new Set<protobuf.ReflectionObject>()
  const use = (type: protobuf.ReflectionObject | null): void => {
    if (type === null || used.has(type)) return
    if (!('fieldsArray' in type)) return void used.add(type)
    const message = type as protobuf.Type
    if (isReplaced(message)) return
    used.add(message)
    for (const field of message.fieldsArray) use(field.resolvedType)
  }
  for (const type of messages) if (!isGoogles(type)) use(type)
  for (const { methodsArray } of servicesOf(root)) {
    for (const method of methodsArray) {
      use(method.resolvedRequestType)
      use(method.resolvedResponseType)
    }
  }
  return used
}

function isGoogles(type: protobuf.ReflectionObject): boolean {
  return type.fullName.startsWith('.google.protobuf.')
}

function ancestor(type: Named, steps: number): protobuf.ReflectionObject | null {
  let object: protobuf.ReflectionObject | null = type
  for (let step = 0; step < steps && object !== null; step++) object = object.parent
  return object
}

function join(parts: readonly string[], count: number): string {
  return parts
    .slice(-count)
    .map(part => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join('_')
}

function collect(
  namespace: protobuf.NamespaceBase,
  messages: protobuf.Type[],
  enums: protobuf.Enum[],
): void {
  for (const child of namespace.nestedArray) {
    if ('valuesById' in child) enums.push(child as protobuf.Enum)
    if ('fieldsArray' in child && 'oneofsArray' in child) messages.push(child as protobuf.Type)
    if ('nestedArray' in child) collect(child as protobuf.Namespace, messages, enums)
  }
}
