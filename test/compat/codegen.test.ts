import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import t from 'tap'
import { type FromDefinitionOptions, fromDefinition, type Service } from '../../src/micro/index.js'
import { missingTools } from '../support/npm-folder.js'
import { ECHO_NAME, ECHO_PROTO, loadEcho, ROOT } from './echo-definition.js'
import { checkFourKinds, type MessageForm, PLAIN_OBJECTS } from './echo-service.js'
import { runProtobufEsProgram } from './readme-program.js'

t.setTimeout(180_000)

// Each generator's output, over all four kinds of calls, as server and as client, against itself and proto-loader's.

const CODEGEN = join(ROOT, 'test/codegen')
const requireThere = createRequire(join(CODEGEN, 'package.json'))
const OUT = join(CODEGEN, '.cache/out')

const skip = await missingTools('test/codegen')

type Exports = Readonly<Record<string, unknown>>

function load(module: string): Exports {
  return requireThere(module) as Exports
}

function output(module: string): Exports {
  return load(join(OUT, module))
}

/** One export of a generated module; what it is, nobody tells the compiler here. */
function exported(module: string, name: string): object {
  return output(module)[name] as object
}

interface EsExports extends Exports {
  readonly create: NonNullable<FromDefinitionOptions['create']>
  readonly toBinary: NonNullable<FromDefinitionOptions['toBinary']>
  readonly fromBinary: NonNullable<FromDefinitionOptions['fromBinary']>
  readonly createFileRegistry: (set: unknown) => { getService(name: string): object }
}

/** What a message of ts-proto for grpc-js needs besides text: it does not take parts. */
const WHOLE = { count: 0n, blob: new Uint8Array(0), words: [], mood: 0, inner: undefined }

const WHOLE_OBJECTS: MessageForm = {
  make: text => ({ ...WHOLE, text }),
  textOf: PLAIN_OBJECTS.textOf,
}

/** google-protobuf's messages have getters; the fixture's have `value`. */
const GETTERS: MessageForm = {
  make(text) {
    const { StringValue } = load('./fixtures/wrapper_grpc_pb.cjs') as {
      StringValue: new () => { setValue(value: string): void }
    }
    const message = new StringValue()
    message.setValue(text)
    return message
  },
  textOf: message => (message as { getValue(): string }).getValue(),
}

function reflected(library: string): object {
  const { Root } = load(library) as unknown as {
    Root: new () => { loadSync(file: string): { lookupService(name: string): object } }
  }
  return new Root().loadSync(ECHO_PROTO).lookupService(ECHO_NAME)
}

function protobufEs(): EsExports {
  return load('@bufbuild/protobuf') as EsExports
}

function descriptorSet(): object {
  const { FileDescriptorSetSchema } = load('@bufbuild/protobuf/wkt')
  const { fromBinary, createFileRegistry } = protobufEs()
  const set = fromBinary(FileDescriptorSetSchema as never, readFileSync(join(OUT, 'echo.binpb')))
  return createFileRegistry(set).getService(ECHO_NAME)
}

interface Output {
  readonly service: () => Service
  readonly form?: MessageForm
  /** It reads and writes JSON as well. */
  readonly json?: boolean
}

const OUTPUTS: Readonly<Record<string, Output>> = {
  'ts-proto, grpc-js': {
    service: () => fromDefinition(exported('ts-proto-grpc-js/echo.js', 'EchoServiceService')),
    form: WHOLE_OBJECTS,
  },
  'ts-proto, generic-definitions': {
    service: () => fromDefinition(exported('ts-proto-generic/echo.js', 'EchoServiceDefinition')),
    json: true,
  },
  'ts-proto, nice-grpc': {
    service: () => fromDefinition(exported('ts-proto-nice-grpc/echo.js', 'EchoServiceDefinition')),
    json: true,
  },
  'protobuf-ts, ServiceType': {
    service: () => fromDefinition(exported('protobuf-ts/echo.js', 'EchoService')),
    json: true,
  },
  'protobuf-ts, grpc-js server': {
    service: () =>
      fromDefinition(exported('protobuf-ts/echo.grpc-server.js', 'echoServiceDefinition')),
    form: WHOLE_OBJECTS,
  },
  'protobuf-es': {
    service: () => {
      const { create, toBinary, fromBinary } = protobufEs()
      const definition = exported('protobuf-es/echo_pb.js', 'EchoService')
      return fromDefinition(definition, { create, toBinary, fromBinary })
    },
  },
  'protobuf-es, the whole module': {
    service: () => fromDefinition(exported('protobuf-es/echo_pb.js', 'EchoService'), protobufEs()),
    json: true,
  },
  'protobuf-es, from a descriptor set': {
    service: () => fromDefinition(descriptorSet(), protobufEs()),
    json: true,
  },
  'protobufjs 8, reflection': { service: () => fromDefinition(reflected('protobufjs')) },
  'protobufjs 7, reflection': { service: () => fromDefinition(reflected('protobufjs-7')) },
  'pbjs, static': {
    service: () => {
      const root = output('pbjs-static/echo.js')
      const { demo } = root as { demo: { echo: { v1: { EchoService: object } } } }
      return fromDefinition(demo.echo.v1.EchoService, { root })
    },
  },
}

t.test('generated code', { skip }, async t => {
  execFileSync(process.execPath, [join(CODEGEN, 'generate.mjs')], { stdio: 'inherit' })
  const loader = [fromDefinition(loadEcho()) as Service, PLAIN_OBJECTS] as const
  for (const [name, { service, form = PLAIN_OBJECTS, json = false }] of Object.entries(OUTPUTS)) {
    await t.test(name, async t => {
      const side = [service(), form] as const
      t.equal(side[0].name, ECHO_NAME)
      await checkFourKinds(t, side, side)
      await checkFourKinds(t, side, loader)
      await checkFourKinds(t, loader, side)
      const subtypes = side[0].methods[0]!.request
      t.equal(subtypes.has('json'), json, 'JSON where the generator has it')
      if (json) await checkFourKinds(t, side, side, 'application/grpc+json')
    })
  }
  await t.test(
    'grpc-tools with google-protobuf (by hand, for the generator is not on npm)',
    async t => {
      const { EchoServiceService } = load('./fixtures/wrapper_grpc_pb.cjs')
      const side = [fromDefinition(EchoServiceService as object) as Service, GETTERS] as const
      await checkFourKinds(t, side, side)
      const Class = grpc.makeGenericClientConstructor(
        EchoServiceService as grpc.ServiceDefinition,
        ECHO_NAME,
      )
      await checkFourKinds(t, side, [fromDefinition(Class as object) as Service, GETTERS])
    },
  )
})

t.test('a decoded bytes field does not change when its buffer is used again', { skip }, t => {
  for (const [name, { service }] of Object.entries(OUTPUTS)) {
    const codec = service().methods[0]!.request.get('proto')!
    // Field 3, two octets.
    const bytes = Buffer.from([0x1a, 2, 7, 8])
    const { blob } = codec.decode(bytes, 0, 4) as { blob: Uint8Array }
    bytes.fill(0)
    t.strictSame([...blob], [7, 8], name)
  }
  t.end()
})

t.test('README, snippet protobuf-es: types are inferred and calls work', { skip }, t => {
  const { faults, output } = runProtobufEsProgram(join(CODEGEN, 'node_modules'))
  t.same(faults, [])
  t.equal(output, 'Hello, Ada\n')
  t.end()
})

t.test('types: what each generator knows arrives, without any', { skip }, t => {
  const tsc = createRequire(join(ROOT, 'package.json')).resolve('typescript/bin/tsc')
  const project = join(CODEGEN, 'tsconfig.typed.json')
  const errors = ((): string => {
    try {
      return execFileSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8' })
    } catch (error) {
      return (error as { stdout: string }).stdout
    }
  })()
  t.equal(errors, '')
  t.end()
})
