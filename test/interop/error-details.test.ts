import * as grpc from '@grpc/grpc-js'
import protobuf from 'protobufjs'
import t from 'tap'
import {
  bytesCodec,
  createClient,
  createServer,
  defineService,
  GrpcError,
  Status,
} from '../../src/index.js'

/** google.rpc.Status as protobufjs, not we, reads and writes it. */
const StatusMessage = protobuf
  .parse(
    `syntax = "proto3";
     message Any { string type_url = 1; bytes value = 2; }
     message Status { int32 code = 1; string message = 2; repeated Any details = 3; }`,
    { keepCase: true },
  )
  .root.lookupType('Status')

const NAME = 'grpc-status-details-bin'
const BAD_REQUEST = 'type.googleapis.com/google.rpc.BadRequest'
const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo'
const codecs = { request: bytesCodec('proto'), response: bytesCodec('proto') }
const service = defineService('t.Details', {
  unary: { kind: 'unary', ...codecs },
  many: { kind: 'server', ...codecs },
})
const identity = (value: Buffer): Buffer => value

t.test('grpc-js reads the details that our handler threw', async t => {
  const fail = (): never => {
    throw new GrpcError(Status.InvalidArgument, 'name – empty', {
      details: [
        { typeUrl: BAD_REQUEST, value: Buffer.from([1, 0, 255]) },
        { typeUrl: RETRY_INFO, value: Buffer.alloc(0) },
      ],
    })
  }
  const server = createServer({ name: 'details' })
  server.handle(service, {
    unary: (_request, context) => {
      context.trailers.set('beside', 'it')
      return fail()
    },
    // biome-ignore lint/correctness/useYield: it fails before its first message
    many: async function* () {
      fail()
    },
  })
  await server.start()
  const client = new grpc.Client(server.address, grpc.credentials.createInsecure())
  t.teardown(async () => {
    client.close()
    await server.stop()
  })
  const unary = new Promise<grpc.ServiceError>(resolve => {
    const body = Buffer.alloc(0)
    client.makeUnaryRequest('/t.Details/Unary', identity, identity, body, error => resolve(error!))
  })
  const many = new Promise<grpc.ServiceError>(resolve => {
    const body = Buffer.alloc(0)
    const call = client.makeServerStreamRequest('/t.Details/Many', identity, identity, body)
    call.on('error', error => resolve(error as grpc.ServiceError))
    call.resume()
  })
  const error = await unary
  t.equal(error.metadata.get('beside')[0], 'it')
  for (const { code, metadata } of [error, await many]) {
    t.equal(code, Status.InvalidArgument)
    t.same(StatusMessage.toObject(StatusMessage.decode(metadata.get(NAME)[0] as Buffer)), {
      code: 3,
      message: 'name – empty',
      details: [
        { type_url: BAD_REQUEST, value: Buffer.from([1, 0, 255]) },
        { type_url: RETRY_INFO },
      ],
    })
  }
})

t.test('our client has the details that a grpc-js handler sent', async t => {
  const bytes = StatusMessage.encode({
    code: 9,
    message: 'not yet',
    details: [{ type_url: BAD_REQUEST, value: Buffer.from([1, 0, 255]) }, { type_url: RETRY_INFO }],
  }).finish()
  const metadata = new grpc.Metadata()
  metadata.set(NAME, Buffer.from(bytes))
  const path = '/t.Details/Unary'
  const codec = {
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  }
  const server = new grpc.Server()
  server.addService(
    { Unary: { path, requestStream: false, responseStream: false, ...codec } },
    {
      Unary: (_call: unknown, callback: grpc.sendUnaryData<Buffer>) =>
        callback({ code: 9, details: 'not yet', metadata }),
    },
  )
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  const address = `127.0.0.1:${port}`
  const client = createClient({ address, protocol: 'grpc' })
  t.teardown(async () => {
    await client.close()
    server.forceShutdown()
  })
  const error: unknown = await client
    .bind(service)
    .unary(Buffer.alloc(0))
    .catch(thrown => thrown)
  if (!(error instanceof GrpcError)) throw error
  t.match(error, {
    code: 'FAILED_PRECONDITION',
    message: 'not yet',
    origin: 'peer',
    address,
    unprocessed: false,
  })
  t.same(
    error.details.map(({ typeUrl, value }) => [typeUrl, Buffer.from(value)]),
    [
      [BAD_REQUEST, Buffer.from([1, 0, 255])],
      [RETRY_INFO, Buffer.alloc(0)],
    ],
  )
})
