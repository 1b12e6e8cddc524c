import { readFileSync } from 'node:fs'
import { status } from '@grpc/grpc-js'
import descriptor from 'protobufjs/ext/descriptor.js'
import t, { type Test } from 'tap'
import {
  createClient,
  defineService,
  jsonCodec,
  loadService,
  type Server,
} from '../../src/index.js'
import {
  mountHealth,
  mountReflection,
  reflectionService,
  type ServerReflectionRequest,
} from '../../src/services/index.js'
import { FIXTURES, messages, type PeerClient, peerClient, serveRich, started } from './peer.js'

const VERSIONS = ['v1', 'v1alpha'] as const
type Version = (typeof VERSIONS)[number]
type Reply = Record<string, Record<string, unknown>>

function ask(t: Test, server: Server, version: Version = 'v1') {
  const name = `grpc.reflection.${version}.ServerReflection`
  const peer: PeerClient = peerClient(t, `reflection-${version}.proto`, name, server.address)
  const stream = peer.serverReflectionInfo()
  const next = messages(stream)
  t.teardown(() => stream.end())
  return async (request: object): Promise<Reply> => {
    stream.write(request)
    return (await next()) as Reply
  }
}

function filesOf(reply: Reply): Buffer[] {
  return (reply['file_descriptor_response']?.['file_descriptor_proto'] ?? []) as Buffer[]
}

/** Names of the files of an answer, in order. */
function fileNames(reply: Reply): unknown[] {
  return filesOf(reply).map(file => decoded(file)['name'])
}

function decoded(file: Uint8Array): Record<string, unknown> {
  const type = descriptor.FileDescriptorProto
  return type.toObject(type.decode(file))
}

const RICH = 'rich/v1/rich.proto'
const BASE = 'base/base.proto'
const WELL_KNOWN = ['google/protobuf/struct.proto', 'google/protobuf/timestamp.proto']
const things = defineService('a.v1.Things', {
  one: { kind: 'unary', request: jsonCodec(), response: jsonCodec() },
})

async function rich(t: Test): Promise<Server> {
  return started(t, async server => {
    mountReflection(server)
    mountHealth(server)
    await serveRich(server)
    server.handle(things, { one: () => ({}) })
  })
}

for (const version of VERSIONS) {
  t.test(`${version}: list_services names every service, itself and health among them`, async t => {
    const question = ask(t, await rich(t), version)
    const reply = await question({ host: 'me', list_services: '*' })
    t.match(reply, { valid_host: 'me', original_request: { host: 'me', list_services: '*' } })
    t.same(reply['list_services_response'], {
      service: [
        { name: 'a.v1.Things' },
        { name: 'grpc.health.v1.Health' },
        { name: 'grpc.reflection.v1.ServerReflection' },
        { name: 'grpc.reflection.v1alpha.ServerReflection' },
        { name: 'rich.v1.Rich' },
      ],
    })
  })

  t.test(
    `${version}: a file comes with all it imports, none of them twice in a stream`,
    async t => {
      const question = ask(t, await rich(t), version)
      const first = fileNames(await question({ file_containing_symbol: 'rich.v1.Rich' }))
      t.equal(first[0], RICH)
      t.same([...first].sort(), [BASE, ...WELL_KNOWN, RICH])
      const again = await question({ file_by_filename: RICH })
      t.same(fileNames(again), [RICH], 'what is asked for comes in any case')
      t.same(fileNames(await question({ file_by_filename: BASE })), [BASE])
    },
  )

  t.test(`${version}: what is not there is answered in band, and the stream goes on`, async t => {
    const question = ask(t, await rich(t), version)
    for (const request of [
      { file_by_filename: 'no.proto' },
      { file_containing_symbol: 'no.Such' },
      { file_containing_symbol: '' },
      { file_containing_extension: { containing_type: 'base.Thing', extension_number: 102 } },
      { file_containing_extension: { containing_type: 'no.Such', extension_number: 1 } },
      { all_extension_numbers_of_type: 'no.Such' },
    ]) {
      const { error_response } = await question(request)
      t.match(error_response, { error_code: status.NOT_FOUND, error_message: /^not found: / })
    }
    t.same(fileNames(await question({ file_by_filename: BASE })), [BASE])
  })
}

t.test(
  'file_containing_symbol: services, methods, messages, fields, enums and their values',
  async t => {
    const question = ask(t, await rich(t))
    const places: Readonly<Record<string, string>> = {
      'rich.v1.Rich': RICH,
      '.rich.v1.Rich': RICH,
      'rich.v1.Rich.Get': RICH,
      'rich.v1.Request': RICH,
      'rich.v1.Request.some_text': RICH,
      'rich.v1.Request.one_choice': RICH,
      'rich.v1.Request.Inner': RICH,
      'rich.v1.Request.Inner.Deep': RICH,
      'rich.v1.Request.Inner.Color': RICH,
      'rich.v1.Request.Inner.COLOR_RED': RICH,
      'rich.v1.Level': RICH,
      'rich.v1.LEVEL_LOW': RICH,
      'base.serial': BASE,
      'base.Thing.inner_note': BASE,
      'google.protobuf.Value': WELL_KNOWN[0]!,
      'grpc.health.v1.Health.Watch': 'grpc/health/v1/health.proto',
      'grpc.health.v1.HealthCheckResponse.ServingStatus': 'grpc/health/v1/health.proto',
      'grpc.reflection.v1alpha.ErrorResponse': 'grpc/reflection/v1alpha/reflection.proto',
    }
    for (const [symbol, file] of Object.entries(places)) {
      t.equal(fileNames(await question({ file_containing_symbol: symbol }))[0], file, symbol)
    }
  },
)

t.test('extensions: by number, and all of a message', async t => {
  const question = ask(t, await rich(t))
  await question({ file_containing_symbol: 'rich.v1.Rich' })
  for (const extension_number of [101, 110, 150]) {
    const asked = { containing_type: 'base.Thing', extension_number }
    t.same(fileNames(await question({ file_containing_extension: asked })), [BASE])
  }
  const all = await question({ all_extension_numbers_of_type: 'base.Thing' })
  t.same(all['all_extension_numbers_response'], {
    base_type_name: 'base.Thing',
    extension_number: [101, 110, 150],
  })
  const none = await question({ all_extension_numbers_of_type: 'rich.v1.Reply' })
  t.same(none['all_extension_numbers_response'], {
    base_type_name: 'rich.v1.Reply',
    extension_number: [],
  })
})

t.test('a service without a schema is listed, and says why it cannot be described', async t => {
  const question = ask(t, await rich(t))
  const { error_response } = await question({ file_containing_symbol: 'a.v1.Things' })
  t.match(error_response, { error_message: /a\.v1\.Things: it was made without a schema/ })
})

t.test('a service whose descriptors fail does not stand in the way of others', async t => {
  const server = await started(t, async server => {
    mountReflection(server)
    await serveRich(server)
    const broken = { ...things, descriptors: () => Promise.reject(new Error('gone')) }
    server.handle(broken, { one: () => ({}) })
  })
  const question = ask(t, server)
  t.equal(fileNames(await question({ file_containing_symbol: 'rich.v1.Rich' }))[0], RICH)
  const { error_response } = await question({ file_containing_symbol: 'a.v1.Things' })
  t.match(error_response, { error_message: /a\.v1\.Things: gone/ })
})

t.test('descriptorSets: what a compiler made comes before what services carry', async t => {
  const set = readFileSync(`${FIXTURES}/rich.binpb`)
  const server = await started(t, async server => {
    mountReflection(server, { descriptorSets: [set, set] })
    await serveRich(server)
  })
  const question = ask(t, server)
  const names = fileNames(await question({ file_containing_symbol: 'rich.v1.Rich' }))
  t.same([...names].sort(), [BASE, ...WELL_KNOWN, 'rich/v1/all.proto', RICH])
})

t.test('descriptorSets: what is none is refused at once', async t => {
  const server = await started(t, () => {})
  const mount = (set: unknown) => () =>
    mountReflection(server, { descriptorSets: [set as Uint8Array] })
  t.throws(mount('text'), /^descriptorSets\[0\] must be a Uint8Array, got 'text'; read each file/)
  t.throws(mount(Buffer.from('0a05', 'hex')), { name: 'RangeError', message: /cut short/ })
  t.throws(mount(Buffer.from('0a00', 'hex')), /a file descriptor must have a name/)
  const two = Buffer.from('0a050a03612e70' + '0a070a03612e702a00', 'hex')
  t.throws(mount(two), { name: 'TypeError', message: /two different files named a\.p/ })
})

t.test(
  'a request that asks nothing ends the stream with INVALID_ARGUMENT, as in grpc-go',
  async t => {
    const question = ask(t, await rich(t))
    await t.rejects(question({ host: 'x' }), { code: status.INVALID_ARGUMENT })
  },
)

t.test('our own client reads it; a service that is handled later is there', async t => {
  const server = await rich(t)
  const late = defineService('b.v1.Late', {
    one: { kind: 'unary', request: jsonCodec(), response: jsonCodec() },
  })
  await using client = createClient({ address: server.address })
  const reflection = client.bind(reflectionService)
  const requests: ServerReflectionRequest[] = [{ listServices: '' }]
  for await (const { listServicesResponse } of reflection.serverReflectionInfo(requests)) {
    t.equal(listServicesResponse?.service.length, 5)
  }
  server.handle(late, { one: () => ({}) })
  for await (const { listServicesResponse } of reflection.serverReflectionInfo(requests)) {
    t.equal(listServicesResponse?.service.length, 6)
  }
})

t.test('our own descriptors say what a compiler says of the same files', async t => {
  const question = ask(
    t,
    await started(t, server => {
      mountHealth(server)
      mountReflection(server)
    }),
  )
  for (const [symbol, fixture] of [
    ['grpc.health.v1.Health', 'health.proto'],
    ['grpc.reflection.v1.ServerReflection', 'reflection-v1.proto'],
    ['grpc.reflection.v1alpha.ServerReflection', 'reflection-v1alpha.proto'],
  ] as const) {
    const reply = await question({ file_containing_symbol: symbol })
    const [ours] = filesOf(reply)
    const compiled = await loadService(`${FIXTURES}/${fixture}`, symbol)
    const [theirs] = (await compiled.descriptors?.()) ?? []
    t.strictSame({ ...decoded(ours!), name: '' }, { ...decoded(theirs!), name: '' }, symbol)
  }
})
