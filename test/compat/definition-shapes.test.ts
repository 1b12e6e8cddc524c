import * as grpc from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import protobuf from 'protobufjs'
import t from 'tap'
import { addService } from '../../src/compat/index.js'
import { createClient, createServer, fromDefinition, type Service } from '../../src/micro/index.js'
import { ECHO_NAME, ECHO_PROTO, echoClientClass, loadEcho } from './echo-definition.js'
import { checkFourKinds, PLAIN_OBJECTS } from './echo-service.js'

// The shapes of packages that are always installed, and what is no definition.

function loadedByGrpc(): object {
  const packages = grpc.loadPackageDefinition(
    loadSync(ECHO_PROTO, { defaults: true, longs: String }),
  )
  return ECHO_NAME.split('.').reduce<object>(
    (found, name) => (found as Readonly<Record<string, object>>)[name]!,
    packages,
  )
}

t.test('proto-loader, its client class and protobufjs 8 serve and call each other', async t => {
  const shapes: Readonly<Record<string, object>> = {
    'proto-loader': loadEcho(),
    'client class': echoClientClass(),
    'grpc.loadPackageDefinition': loadedByGrpc(),
    'protobufjs 8': protobuf.loadSync(ECHO_PROTO).lookupService(ECHO_NAME),
  }
  for (const [name, shape] of Object.entries(shapes)) {
    const service: Service = fromDefinition(shape)
    t.equal(service.name, ECHO_NAME, name)
    t.match(
      service.methods.map(method => method.name),
      ['say', 'down', 'up', 'chat', 'getThing'],
    )
    await checkFourKinds(t, [service, PLAIN_OBJECTS], [fromDefinition(loadEcho()), PLAIN_OBJECTS])
  }
})

t.test('a definition by hand may have the functions of its side alone', async t => {
  const { requestSerialize, responseDeserialize, requestDeserialize, responseSerialize, ...say } =
    loadEcho()['Say']!
  const forServer = { Say: { ...say, requestDeserialize, responseSerialize } }
  const forClient = { Say: { ...say, requestSerialize, responseDeserialize } }
  await using server = createServer({ name: 'echo' })
  addService(server, forServer, {
    Say: ((call, callback) => callback(null, call.request)) as grpc.handleUnaryCall<object, object>,
  })
  await server.start()
  await using client = createClient({ address: server.address })
  const echo = client.bind(fromDefinition(forClient as object))
  t.match(await echo['say']!({ text: 'half' }), { text: 'half' })
  await t.rejects(client.bind(fromDefinition(forServer as object))['say']!({}), {
    message: /\/Say has no requestSerialize, which a client needs: add it/,
  })
  const none = { Say: { ...say, requestDeserialize, responseSerialize: 'text' } }
  t.throws(() => fromDefinition(none as object), /not a service definition/)
})

t.test('what is no definition is told from one that lacks an option', t => {
  const say = loadEcho()['Say']!
  const cases: readonly [object, RegExp][] = [
    [{}, /an object without properties/],
    [{ a: 1 }, /an object with a$/],
    [grpc.Client, /function Client/],
    [{ kind: 'service', typeName: 'a.B', methods: [] }, /create is missing/],
    [{ typeName: 'a.B', methods: [] }, /a\.B has no methods/],
    [{ say: { ...say, path: 'x' } }, /path must look like/],
    [{ say, other: { ...say, path: '/other.S/M' } }, /and of other\.S/],
  ]
  for (const [definition, message] of cases) {
    t.throws(() => fromDefinition<Record<string, never>>(definition), {
      name: 'TypeError',
      message,
    })
  }
  t.end()
})
