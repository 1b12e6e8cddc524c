import {
  FileDescriptorProto,
  FileOptions,
  MethodDescriptorProto,
  MethodOptions,
  ServiceDescriptorProto,
  ServiceOptions,
  SourceCodeInfo,
} from '../descriptor/descriptor-table.js'
import { placed } from '../schema/places.js'
import { make } from './parse-base.js'
import { MessageParser } from './parse-message.js'
import type { Token } from './tokens.js'

const EDITIONS: Readonly<Record<string, number>> = { '2023': 1_000, '2024': 1_001 }

/** A file as protoc would hand it to a plugin, but for names of types, which are as they stand there. @throws GenerateError */
export function parseFile(name: string, text: string): FileDescriptorProto {
  return new FileParser(name, text).parse()
}

class FileParser extends MessageParser {
  readonly #file: FileDescriptorProto = make(FileDescriptorProto)

  constructor(name: string, text: string) {
    super(name, text)
    this.#file.name = name
  }

  parse(): FileDescriptorProto {
    const file = this.#file
    this.#syntax()
    while (this.tokens.token.kind !== 'end') this.#topLevel()
    file.sourceCodeInfo = { ...make(SourceCodeInfo), location: this.locations }
    return file
  }

  #syntax(): void {
    const tokens = this.tokens
    const isEdition = tokens.is('edition')
    if (!isEdition && !tokens.is('syntax')) return
    tokens.take()
    tokens.expect('=')
    const { token } = tokens
    const value = tokens.text(isEdition ? 'an edition' : 'a syntax')
    if (isEdition) {
      const edition = EDITIONS[value]
      if (edition === undefined)
        return tokens.fail(`edition ${value} is not supported; 2023 and 2024 are`, token)
      this.#file.syntax = 'editions'
      this.syntax = 'editions'
      this.#file.edition = edition as NonNullable<FileDescriptorProto['edition']>
    } else if (value === 'proto3') {
      this.#file.syntax = value
      this.syntax = value
    } else if (value !== 'proto2') tokens.fail(`syntax ${value} is not known`, token)
    tokens.expect(';')
  }

  #topLevel(): void {
    const tokens = this.tokens
    const file = this.#file
    if (tokens.skip(';')) return
    // What edition 2024 says of who may see a type.
    if ((tokens.is('export') || tokens.is('local')) && tokens.ahead.kind === 'word') tokens.take()
    const start = tokens.token
    if (tokens.skip('import')) this.#import()
    else if (tokens.skip('package')) {
      file.package = tokens.dotted('the name of a package')
      tokens.expect(';')
    } else if (tokens.skip('option')) file.options = this.option(FileOptions, file.options)
    else if (tokens.skip('message'))
      file.messageType.push(this.message(start, [4, file.messageType.length]))
    else if (tokens.skip('enum')) file.enumType.push(this.enum(start, [5, file.enumType.length]))
    else if (tokens.skip('service'))
      file.service.push(this.#service(start, [6, file.service.length]))
    else if (tokens.skip('extend')) this.extend(file.extension, file.messageType, [7], [4])
    else tokens.fail('expected message, enum, service, extend, import, option or package')
  }

  #import(): void {
    const tokens = this.tokens
    const { dependency, publicDependency, weakDependency, optionDependency } = this.#file
    if (tokens.skip('option')) optionDependency.push(tokens.text('a file'))
    else {
      if (tokens.skip('public')) publicDependency.push(dependency.length)
      else if (tokens.skip('weak')) weakDependency.push(dependency.length)
      dependency.push(tokens.text('a file'))
    }
    tokens.expect(';')
  }

  #service(start: Token, path: readonly number[]): ServiceDescriptorProto {
    const tokens = this.tokens
    const service = placed(make(ServiceDescriptorProto), tokens.token)
    service.name = tokens.word('the name of a service')
    tokens.expect('{')
    this.comment(start, path)
    while (!tokens.skip('}')) {
      if (tokens.skip(';')) continue
      const first = tokens.token
      if (tokens.skip('option')) service.options = this.option(ServiceOptions, service.options)
      else if (tokens.skip('rpc'))
        service.method.push(this.#method(first, [...path, 2, service.method.length]))
      else tokens.fail("expected 'rpc'")
    }
    return service
  }

  #method(start: Token, path: readonly number[]): MethodDescriptorProto {
    const tokens = this.tokens
    const method = placed(make(MethodDescriptorProto), tokens.token)
    method.name = tokens.word('the name of a method')
    const [inputType, clientStreaming] = this.#typeOfMethod()
    tokens.expect('returns')
    const [outputType, serverStreaming] = this.#typeOfMethod()
    Object.assign(method, { inputType, outputType })
    if (clientStreaming) method.clientStreaming = true
    if (serverStreaming) method.serverStreaming = true
    if (tokens.skip('{')) {
      this.comment(start, path)
      while (!tokens.skip('}')) {
        if (tokens.skip(';')) continue
        tokens.expect('option')
        method.options = this.option(MethodOptions, method.options)
      }
    } else {
      tokens.expect(';')
      this.comment(start, path)
    }
    return method
  }

  #typeOfMethod(): readonly [name: string, isStream: boolean] {
    const tokens = this.tokens
    tokens.expect('(')
    const isStream = tokens.is('stream') && tokens.ahead.text !== ')'
    if (isStream) tokens.take()
    const name = tokens.dotted('the name of a message')
    tokens.expect(')')
    return [name, isStream]
  }
}
