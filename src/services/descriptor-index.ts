import {
  decodeFile,
  type EnumDescriptor,
  type FieldDescriptor,
  type FileDescriptor,
  type MessageDescriptor,
} from './descriptor-messages.js'

/** A file as it is sent, and what it imports. */
export interface IndexedFile {
  readonly name: string
  readonly bytes: Uint8Array
  readonly dependencies: readonly string[]
}

/** Files of descriptors, by name, by each symbol they declare, and by extension. */
export class DescriptorIndex {
  readonly #files = new Map<string, IndexedFile>()
  readonly #symbols = new Map<string, IndexedFile>()
  readonly #messages = new Set<string>()
  /** By the full name of the extended type, then by number. */
  readonly #extensions = new Map<string, Map<number, IndexedFile>>()

  /**
   * Adds a serialised `FileDescriptorProto`. One that is there already does nothing.
   *
   * @throws TypeError when there is another file of that name
   * @throws RangeError when the octets are no descriptor
   */
  add(bytes: Uint8Array): void {
    const content = decodeFile(bytes)
    const name = content.name ?? ''
    if (name === '') throw new TypeError('a file descriptor must have a name')
    const known = this.#files.get(name)
    if (known !== undefined) {
      if (Buffer.compare(known.bytes, bytes) === 0) return
      throw new TypeError(`there are two different files named ${name}`)
    }
    const file = { name, bytes, dependencies: content.dependency }
    this.#files.set(name, file)
    this.#addContent(file, content)
  }

  /** `google/protobuf/timestamp.proto`. */
  byName(name: string): IndexedFile | undefined {
    return this.#files.get(name)
  }

  /** The full name of a message, field, oneof, enum, value, service, method or extension. */
  bySymbol(symbol: string): IndexedFile | undefined {
    return this.#symbols.get(symbol)
  }

  /** The file that declares extension `number` of message `type`. */
  byExtension(type: string, number: number): IndexedFile | undefined {
    return this.#extensions.get(type)?.get(number)
  }

  /** The numbers of all extensions of a message, in order; undefined when there is no such message. */
  extensionNumbers(type: string): readonly number[] | undefined {
    const numbers = this.#extensions.get(type)
    if (numbers === undefined) return this.#messages.has(type) ? [] : undefined
    return [...numbers.keys()].sort((one, other) => one - other)
  }

  /** The file itself and all it imports, without those in `known`, to which they are added. The file itself is there in any case. */
  withImports(file: IndexedFile, known: Set<string>): readonly Uint8Array[] {
    const found: Uint8Array[] = [file.bytes]
    const visited = new Set([file.name])
    known.add(file.name)
    for (let queue = [file]; queue.length > 0; ) {
      const next: IndexedFile[] = []
      for (const name of queue.flatMap(({ dependencies }) => dependencies)) {
        const imported = this.#files.get(name)
        if (imported === undefined || visited.has(name)) continue
        visited.add(name)
        next.push(imported)
        if (!known.has(name)) found.push(imported.bytes)
        known.add(name)
      }
      queue = next
    }
    return found
  }

  #addContent(file: IndexedFile, content: FileDescriptor): void {
    const scope = content.package ?? ''
    for (const message of content.messageType) this.#addMessage(file, scope, message)
    for (const type of content.enumType) this.#addEnum(file, scope, type)
    for (const extension of content.extension) this.#addExtension(file, scope, extension)
    for (const service of content.service) {
      const name = this.#addSymbol(file, scope, service.name)
      for (const method of service.method) this.#addSymbol(file, name, method.name)
    }
  }

  #addMessage(file: IndexedFile, scope: string, message: MessageDescriptor): void {
    const name = this.#addSymbol(file, scope, message.name)
    this.#messages.add(name)
    for (const field of message.field) this.#addSymbol(file, name, field.name)
    for (const oneof of message.oneofDecl) this.#addSymbol(file, name, oneof.name)
    for (const nested of message.nestedType) this.#addMessage(file, name, nested)
    for (const type of message.enumType) this.#addEnum(file, name, type)
    for (const extension of message.extension) this.#addExtension(file, name, extension)
  }

  /** Values are named beside their enum, not inside. */
  #addEnum(file: IndexedFile, scope: string, type: EnumDescriptor): void {
    this.#addSymbol(file, scope, type.name)
    for (const value of type.value) this.#addSymbol(file, scope, value.name)
  }

  #addExtension(file: IndexedFile, scope: string, extension: FieldDescriptor): void {
    this.#addSymbol(file, scope, extension.name)
    const type = (extension.extendee ?? '').replace(/^\./, '')
    const numbers = this.#extensions.get(type) ?? new Map<number, IndexedFile>()
    numbers.set(extension.number ?? 0, file)
    this.#extensions.set(type, numbers)
  }

  #addSymbol(file: IndexedFile, scope: string, name: string | undefined): string {
    const full = scope === '' ? (name ?? '') : `${scope}.${name}`
    if (!this.#symbols.has(full)) this.#symbols.set(full, file)
    return full
  }
}
