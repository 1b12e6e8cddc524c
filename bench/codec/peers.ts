import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import protobuf from 'protobufjs'
import ts from 'typescript'
import type { MessageType } from '../../src/codec/index.js'
import {
  generate,
  loadSchema,
  parseOptions,
  pluginFiles,
  pluginRequest,
} from '../../src/codegen/index.js'
import { SCHEMA } from './messages.js'

/** One codec of one message. */
export interface Codec {
  /** The value in the form that this codec has for it. */
  form(value: unknown): unknown
  encode(value: unknown): Uint8Array
  decode(bytes: Uint8Array): unknown
}

const FOLDER = resolve('.cache/codec-bench')
const PACKAGES = [
  '@bufbuild/protobuf@2.14.0',
  '@bufbuild/protoc-gen-es@2.14.0',
  'ts-proto@2.12.1',
  'pbf@5.1.2',
]
const FILE = 'bench.proto'

/** Who takes part; the first is ours. */
export const PEERS = ['microwire', 'protobufjs', 'protobuf-es', 'ts-proto', 'pbf', 'JSON'] as const
export type Peer = (typeof PEERS)[number]

/** Installs the others, and generates everybody's code. Once. */
export function prepare(): void {
  mkdirSync(join(FOLDER, 'code'), { recursive: true })
  if (!existsSync(join(FOLDER, 'node_modules/pbf'))) {
    writeFileSync(join(FOLDER, 'package.json'), '{"private": true, "type": "module"}\n')
    const args = ['install', '--prefix', FOLDER, '--no-audit', '--no-fund', '--ignore-scripts']
    execFileSync('npm', [...args, ...PACKAGES], { cwd: FOLDER, stdio: 'pipe' })
  }
  const schema = loadSchema([FILE], name => (name === FILE ? SCHEMA : undefined))
  const codec = relative(
    join(FOLDER, 'code'),
    resolve(import.meta.dirname, '../../src/codec/index.js'),
  )
  for (const { content } of generate(schema, [FILE], parseOptions(''))) {
    write('microwire.js', content.replace("'microwire/codec'", `'${codec}'`))
  }
  plugin('protoc-gen-es', 'target=ts', schema, 'es.js')
  plugin('protoc-gen-ts_proto', 'esModuleInterop=true,env=node', schema, 'ts-proto.js')
}

/** What another's plugin makes of the schema. */
function plugin(
  program: string,
  parameter: string,
  schema: ReturnType<typeof loadSchema>,
  name: string,
): void {
  const input = pluginRequest(schema, [FILE], parameter)
  const output = execFileSync(join(FOLDER, 'node_modules/.bin', program), {
    input,
    maxBuffer: 1 << 28,
  })
  const [file] = pluginFiles(output)
  write(name, file!.content)
}

function write(name: string, content: string): void {
  const { outputText } = ts.transpileModule(content, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  })
  mkdirSync(dirname(join(FOLDER, 'code', name)), { recursive: true })
  writeFileSync(join(FOLDER, 'code', name), outputText)
}

async function code(name: string): Promise<Record<string, unknown>> {
  return (await import(pathToFileURL(join(FOLDER, 'code', name)).href)) as Record<string, unknown>
}

/** The codec of a peer for a message. */
export async function codecOf(peer: Peer, type: string): Promise<Codec> {
  return await CODECS[peer](type)
}

const CODECS: Readonly<Record<Peer, (type: string) => Promise<Codec>>> = {
  async microwire(type) {
    const message = (await code('microwire.js'))[type] as MessageType
    return {
      form: value => withBigInt(value),
      encode: value => message.encode(value),
      decode: bytes => message.decode(bytes),
    }
  },
  async protobufjs(type) {
    const message = protobuf.parse(SCHEMA).root.lookupType(`bench.${type}`)
    return {
      form: value => message.fromObject(value as object),
      encode: value => message.encode(value as protobuf.Message).finish(),
      decode: bytes => message.decode(bytes),
    }
  },
  async 'protobuf-es'(type) {
    const library = await packageOf('@bufbuild/protobuf')
    const schema = (await code('es.js'))[`${type}Schema`]
    const { create, fromBinary, toBinary } = library
    return {
      form: value => create!(schema, withBigInt(value)),
      encode: value => toBinary!(schema, value) as Uint8Array,
      decode: bytes => fromBinary!(schema, bytes),
    }
  },
  async 'ts-proto'(type) {
    const message = (await code('ts-proto.js'))[type] as {
      fromPartial(value: unknown): unknown
      encode(value: unknown): { finish(): Uint8Array }
      decode(bytes: Uint8Array): unknown
    }
    return {
      form: value => message.fromPartial(value),
      encode: value => message.encode(value).finish(),
      decode: bytes => message.decode(bytes),
    }
  },
  async pbf(type) {
    const { PbfReader, PbfWriter } = (await packageOf('pbf')) as unknown as Record<
      string,
      new (
        bytes?: Uint8Array,
      ) => { finish(): Uint8Array }
    >
    const { compile } = await packageOf('pbf/compile')
    const parse = createRequire(join(FOLDER, 'node_modules/pbf/package.json'))(
      'protocol-buffers-schema',
    ) as { parse(text: string): unknown }
    const functions = compile!(parse.parse(SCHEMA)) as Record<
      string,
      (...values: unknown[]) => unknown
    >
    const [write, read] = [functions[`write${type}`]!, functions[`read${type}`]!]
    return {
      form: value => value,
      encode(value) {
        const writer = new PbfWriter!()
        write(value, writer)
        return writer.finish()
      },
      decode: bytes => read(new PbfReader!(bytes)),
    }
  },
  async JSON() {
    return {
      form: value => value,
      encode: value => Buffer.from(JSON.stringify(value)),
      decode: bytes =>
        JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()),
    }
  },
}

type Library = Readonly<Record<string, (...values: unknown[]) => unknown>>

async function packageOf(name: string): Promise<Library> {
  const path = createRequire(join(FOLDER, 'package.json')).resolve(name)
  return (await import(pathToFileURL(path).href)) as Library
}

/** 64-bit integers in the form that most have for them. */
function withBigInt(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withBigInt)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      key === 'createdMs' ? BigInt(each as number) : withBigInt(each),
    ]),
  )
}
