import type * as protobuf from 'protobufjs'
import { checkOptions, describe, type OptionKinds, oneOf } from '../../options/index.js'
import type { Int64Form, MessageForm } from '../../protobuf/index.js'
import { checkFlag, checkText, checkTextList } from '../call/option-checks.js'
import { codecMap } from './codec.js'
import { descriptorsOf } from './file-descriptors.js'
import { FileNames } from './file-names.js'
import { messageShape } from './message-shape.js'
import { ProtobufCodecs } from './protobuf-codec.js'
import { loadLibrary } from './protobufjs-library.js'
import { kindOf, loadRoot, servicesOf } from './schema-root.js'
import { lowerCamel, makeService, type Service, serviceMethod } from './service.js'
import type { UntypedMethod } from './service-types.js'

/** Options of `loadService`. */
export interface LoadServiceOptions {
  /**
   * How 64-bit integers are decoded: `bigint`, `number` or `string`. All three are accepted when
   * encoding. Default: `bigint`.
   */
  readonly int64?: Int64Form
  /** Directories to search for imports, after that of the importing file. Default: none. */
  readonly includeDirs?: readonly string[]
  /**
   * `native` converts well-known types to JavaScript values. Timestamp: Date; Duration:
   * milliseconds; wrappers: the wrapped value; Struct, Value, ListValue: JSON values; FieldMask: an
   * array of paths; Any: `{ typeUrl, value }`. `raw` keeps the messages, such as `{ seconds, nanos
   * }`. Default: `native`.
   */
  readonly wellKnownTypes?: 'native' | 'raw'
  /** Ignore properties of a message that are not fields, instead of throwing. Default: false. */
  readonly ignoreUnknownFields?: boolean
}

/**
 * Loads a service from a `.proto` file, with codecs for protobuf and ProtoJSON.
 *
 * Messages are plain objects with lower-camel field names. A decoded message
 * has every field: zero values, empty lists and maps, `null` for a message
 * that was not sent. Fields with presence (in a oneof, `optional`, of proto2
 * or an edition) are there only when they were sent; a oneof's name tells
 * which of its fields is. Enums are numbers, `bytes` are a Buffer, 64-bit
 * integers what `int64` says. A message to encode may leave out any field that is not
 * `required`, and name enum values. A value that its field cannot hold is a `FieldError`:
 * `Order.lines[2].quantity: 1.5 is no int32`.
 *
 * Needs the package protobufjs, version 8.6.5 or later; for JSON also `Function()` (it compiles
 * codecs): load only schemas you trust.
 *
 * @param files one `.proto` file or several; imports are followed
 * @param name the service with its package: `greeter.v1.Greeter`
 * @throws Error when protobufjs or a file is missing, the schema has a mistake (with file and
 * line),
 * or has no such service (with the services there are)
 */
export async function loadService<S = Record<string, UntypedMethod>>(
  files: string | readonly string[],
  name: string,
  options: LoadServiceOptions = {},
): Promise<Service<S>> {
  checkFiles(files)
  checkText('the name of the service', name)
  const form = messageForm(options)
  const { protobuf, protojson } = await loadLibrary()
  const names = new FileNames()
  const root = await loadRoot(files, options.includeDirs, names)
  const found = findService(root, name)
  const codecs = new ProtobufCodecs(protojson, form)
  const methods = found.methodsArray.map(method =>
    serviceMethod(name, {
      name: lowerCamel(method.name),
      wireName: method.name,
      kind: kindOf(method),
      request: codecMap(codecs.of(messageType(method.resolvedRequestType))),
      response: codecMap(codecs.of(messageType(method.resolvedResponseType))),
      shape: () => ({
        request: messageShape(messageType(method.resolvedRequestType)),
        response: messageShape(messageType(method.resolvedResponseType)),
      }),
    }),
  )
  return makeService<S>(name, methods, () => descriptorsOf(protobuf, root, names))
}

/** How messages arrive: of `loadService` and `generateTypes` alike. */
export const FORM_KINDS: OptionKinds<Omit<LoadServiceOptions, 'ignoreUnknownFields'>> = {
  int64: oneOf('bigint', 'string', 'number'),
  includeDirs: checkTextList,
  wellKnownTypes: oneOf('native', 'raw'),
}

const KINDS: OptionKinds<LoadServiceOptions> = { ...FORM_KINDS, ignoreUnknownFields: checkFlag }

function messageForm(options: LoadServiceOptions): MessageForm {
  checkOptions('loadService', options, KINDS)
  const {
    int64 = 'bigint',
    wellKnownTypes: wellKnown = 'native',
    ignoreUnknownFields = false,
  } = options
  return { int64, wellKnown, ignoreUnknownFields }
}

function checkFiles(files: unknown): void {
  const all: readonly unknown[] = Array.isArray(files) ? files : [files]
  if (all.length === 0) throw new TypeError('files must name a .proto file, got an empty list')
  for (const file of all) {
    if (typeof file === 'string' && file !== '') continue
    throw new TypeError(
      `files must be a path of a .proto file or a list of them, got ${describe(file)}`,
    )
  }
}

function findService(root: protobuf.Root, name: string): protobuf.Service {
  const services = servicesOf(root)
  const found = services.find(service => service.fullName.slice(1) === name)
  if (found !== undefined) return found
  const names = services.map(service => service.fullName.slice(1)).join(', ')
  throw new Error(`no service ${name} in the schema; it has ${names === '' ? 'none' : names}`)
}

function messageType(type: protobuf.Type | null): protobuf.Type {
  // `resolveAll` has been here: only a type that does not exist stays null, and that is an error before.
  return type!
}
