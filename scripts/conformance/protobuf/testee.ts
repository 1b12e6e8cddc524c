import { readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  fromJsonText,
  type MessageType,
  type TypeRegistry,
  toJson,
  typeRegistry,
} from '../../../src/codec/index.js'

// What Google's conformance suite talks to: generated code, by way of requests on its input. Started as
// `node testee.js FOLDER`, where the folder has the modules made of the suite's schema.

const [folder = '.'] = process.argv.slice(2)

/** `ConformanceRequest`, as the generated module has it. */
interface Request {
  readonly payload?: { readonly case: string; readonly value: unknown }
  readonly requestedOutputFormat: number
  readonly messageType: string
  readonly testCategory: number
}

const JSON_IGNORE_UNKNOWN = 3
const PROTOBUF = 1
const JSON_FORMAT = 2

const MODULES = [
  'google/protobuf/test_messages_proto2_mw.js',
  'google/protobuf/test_messages_proto3_mw.js',
  'google/protobuf/test_messages_edition2023_mw.js',
  'google/protobuf/test_messages_proto2_editions_mw.js',
  'google/protobuf/test_messages_proto3_editions_mw.js',
]

type Module = Readonly<Record<string, unknown>>

async function load(name: string): Promise<Module> {
  return (await import(pathToFileURL(join(folder, name)).href)) as Module
}

function isType(value: unknown): value is MessageType {
  return typeof value === 'object' && value !== null && 'typeName' in value && 'decode' in value
}

const protocol = await load('conformance/conformance_mw.js')
const requestType = protocol['ConformanceRequest'] as MessageType<Request>
const responseType = protocol['ConformanceResponse'] as MessageType
const modules = await Promise.all(MODULES.map(load))
const exported = modules.flatMap(module => Object.values(module))
const types = new Map(exported.filter(isType).map(type => [type.typeName, type]))
const registry: TypeRegistry = typeRegistry(
  ...types.values(),
  ...(exported.filter(
    value => !isType(value) && typeof value === 'object' && value !== null && 'extendee' in value,
  ) as never[]),
)

function answer({ payload, messageType, requestedOutputFormat, testCategory }: Request): object {
  if (messageType === 'conformance.FailureSet')
    return { case: 'protobufPayload', value: new Uint8Array(0) }
  const type = types.get(messageType)
  if (type === undefined) return { case: 'skipped', value: `${messageType} is not known` }
  if (payload?.case !== 'protobufPayload' && payload?.case !== 'jsonPayload') {
    return { case: 'skipped', value: 'neither protobuf nor JSON' }
  }
  let message: unknown
  try {
    const ignoreUnknownFields = testCategory === JSON_IGNORE_UNKNOWN
    message =
      payload.case === 'protobufPayload'
        ? type.decode(payload.value as Uint8Array)
        : fromJsonText(type, payload.value as string, { registry, ignoreUnknownFields })
  } catch (error) {
    return { case: 'parseError', value: String(error) }
  }
  try {
    if (requestedOutputFormat === PROTOBUF)
      return { case: 'protobufPayload', value: type.encode(message) }
    if (requestedOutputFormat !== JSON_FORMAT) return { case: 'skipped', value: 'no such format' }
    return { case: 'jsonPayload', value: JSON.stringify(toJson(type, message, { registry })) }
  } catch (error) {
    return { case: 'serializeError', value: String(error) }
  }
}

function read(size: number): Buffer | undefined {
  const bytes = Buffer.alloc(size)
  for (let at = 0; at < size; ) {
    const count = readSync(0, bytes, at, size - at, null)
    if (count === 0) return undefined
    at += count
  }
  return bytes
}

for (;;) {
  const head = read(4)
  if (head === undefined) break
  const request = read(head.readUInt32LE(0))!
  const result = answer(requestType.decode(request))
  const response = responseType.encode({ result })
  const size = Buffer.alloc(4)
  size.writeUInt32LE(response.length)
  const all = Buffer.concat([size, response])
  for (let at = 0; at < all.length; ) at += writeSync(1, all, at)
}
