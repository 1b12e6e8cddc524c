import * as grpc from '@grpc/grpc-js'
import t, { type Test } from 'tap'
import {
  BYTES_CODEC,
  CallAcceptor,
  type CallKind,
  ClientCall,
  GrpcError,
  Metadata,
  type Method,
  Router,
  requestHeaders,
  type ServerCall,
  Status,
} from '../../src/grpc/index.js'
import { connect, type Server, type Session, serve } from '../../src/transport/index.js'

const codecs = new Map([['proto', BYTES_CODEC]])
const PATHS = {
  unary: '/t.S/Unary',
  client: '/t.S/Client',
  server: '/t.S/Server',
  bidi: '/t.S/Bidi',
}

function methodOf(kind: CallKind, path: string = PATHS[kind]): Method {
  return { path, kind, request: codecs, response: codecs }
}

// --- our server ---------------------------------------------------------------

/** Answers with what it got: joined for one reply, one by one for many. `fail`, `slow` and `meta` do as they say. */
async function ourServer(t: Test): Promise<{ server: Server; cancelled: GrpcError[] }> {
  const router = new Router()
  const cancelled: GrpcError[] = []
  for (const kind of ['unary', 'server'] as const) {
    router.add({
      method: methodOf(kind),
      start(call) {
        const body = Buffer.from(call.request as Uint8Array).toString()
        const handler = {
          onReadable() {},
          onDrain() {},
          onCancel(error: GrpcError) {
            cancelled.push(error)
            call.settle()
          },
        }
        if (body === 'slow') return handler
        answer(call, kind, body)
        call.settle()
        return handler
      },
    })
  }
  for (const kind of ['client', 'bidi'] as const) {
    router.add({
      method: methodOf(kind),
      start(call) {
        const seen: string[] = []
        return {
          onReadable() {
            while (call.readable) {
              const body = Buffer.from(call.read() as Uint8Array).toString()
              seen.push(body)
              if (kind === 'bidi') call.write(Buffer.from(body))
            }
            if (!call.ended) return
            if (kind === 'bidi') call.finish()
            else call.respond(Buffer.from(seen.join()))
            call.settle()
          },
          onDrain() {},
          onCancel(error) {
            cancelled.push(error)
            call.settle()
          },
        }
      },
    })
  }
  const server = await serve({ address: '127.0.0.1:0', handler: () => new CallAcceptor(router) })
  t.teardown(() => server.stop({ graceMs: 0 }))
  return { server, cancelled }
}

function answer(call: ServerCall, kind: 'unary' | 'server', body: string): void {
  if (body === 'fail') {
    const metadata = new Metadata()
    metadata.set('why', 'because')
    call.fail(new GrpcError(Status.FailedPrecondition, 'not so – ü %', { metadata }))
  } else if (body === 'meta') {
    const metadata = new Metadata()
    metadata.set('seen', String(call.metadata.get('tenant') ?? ''))
    metadata.setBinary('blob-bin', Buffer.from([0, 255, 128]))
    call.sendHeaders(metadata)
    call.respond(Buffer.from('ok'), metadata)
  } else if (kind === 'unary') {
    call.respond(Buffer.from(body))
  } else {
    for (let i = 0; i < 3; i++) call.write(Buffer.from(`${body}${i}`))
    call.finish()
  }
}

const identity = (value: Buffer): Buffer => value

function theirClient(t: Test, server: Server): grpc.Client {
  const client = new grpc.Client(server.address, grpc.credentials.createInsecure())
  t.teardown(() => client.close())
  return client
}

interface TheirOutcome {
  error: grpc.ServiceError | null
  body: string | undefined
  headers: grpc.Metadata | undefined
}

function theirUnary(
  client: grpc.Client,
  body: string,
  options: grpc.CallOptions = {},
  metadata: grpc.Metadata = new grpc.Metadata(),
): Promise<TheirOutcome> & { call: grpc.ClientUnaryCall } {
  let call: grpc.ClientUnaryCall | undefined
  const promise = new Promise<TheirOutcome>(resolve => {
    let headers: grpc.Metadata | undefined
    call = client.makeUnaryRequest(
      PATHS.unary,
      identity,
      identity,
      Buffer.from(body),
      metadata,
      options,
      (error, value) => resolve({ error, body: value?.toString(), headers }),
    )
    call.on('metadata', received => {
      headers = received
    })
  })
  return Object.assign(promise, { call: call! })
}

t.test('grpc-js client, our server: unary, many at once', async t => {
  const { server } = await ourServer(t)
  const client = theirClient(t, server)
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, (_, i) => theirUnary(client, `n${i}`)),
  )
  t.ok(outcomes.every(({ error, body }, i) => error === null && body === `n${i}`))
  t.equal(server.acceptedCount, 1)
})

t.test('grpc-js client, our server: a large message, both ways', async t => {
  const { server } = await ourServer(t)
  const body = 'x'.repeat(3_000_000)
  const outcome = await theirUnary(theirClient(t, server), body)
  t.equal(outcome.body?.length, body.length)
})

t.test('grpc-js client, our server: status, message and trailers of an error', async t => {
  const { server } = await ourServer(t)
  const { error } = await theirUnary(theirClient(t, server), 'fail')
  t.equal(error?.code, grpc.status.FAILED_PRECONDITION)
  t.equal(error?.details, 'not so – ü %')
  t.same(error?.metadata.get('why'), ['because'])
})

t.test('grpc-js client, our server: metadata both ways, text and binary', async t => {
  const { server } = await ourServer(t)
  const metadata = new grpc.Metadata()
  metadata.set('tenant', 'acme')
  const { headers } = await theirUnary(theirClient(t, server), 'meta', {}, metadata)
  t.same(headers?.get('seen'), ['acme'])
  t.same(headers?.get('blob-bin'), [Buffer.from([0, 255, 128])])
})

t.test('grpc-js client, our server: deadline and cancellation reach the handler', async t => {
  const { server, cancelled } = await ourServer(t)
  const client = theirClient(t, server)
  const late = await theirUnary(client, 'slow', { deadline: Date.now() + 50 })
  t.equal(late.error?.code, grpc.status.DEADLINE_EXCEEDED)
  const pending = theirUnary(client, 'slow')
  setTimeout(() => pending.call.cancel(), 30)
  t.equal((await pending).error?.code, grpc.status.CANCELLED)
  await new Promise(resolve => setTimeout(resolve, 50))
  t.equal(cancelled.length, 2)
})

t.test('grpc-js client, our server: an unknown method is UNIMPLEMENTED', async t => {
  const { server } = await ourServer(t)
  const client = theirClient(t, server)
  const error = await new Promise<grpc.ServiceError | null>(resolve => {
    client.makeUnaryRequest('/t.S/None', identity, identity, Buffer.alloc(0), resolve)
  })
  t.equal(error?.code, grpc.status.UNIMPLEMENTED)
  t.equal(error?.details, 'unknown method None for service t.S')
})

t.test('grpc-js client, our server: client, server and bidi streams', async t => {
  const { server } = await ourServer(t)
  const client = theirClient(t, server)

  const joined = await new Promise<string | undefined>(resolve => {
    const call = client.makeClientStreamRequest(PATHS.client, identity, identity, (_error, value) =>
      resolve(value?.toString()),
    )
    for (const part of ['a', 'b', 'c']) call.write(Buffer.from(part))
    call.end()
  })
  t.equal(joined, 'a,b,c')

  const parts: string[] = []
  const stream = client.makeServerStreamRequest(PATHS.server, identity, identity, Buffer.from('s'))
  for await (const part of stream) parts.push(String(part))
  t.same(parts, ['s0', 's1', 's2'])

  const echoed: string[] = []
  const bidi = client.makeBidiStreamRequest(PATHS.bidi, identity, identity)
  for (let i = 0; i < 50; i++) bidi.write(Buffer.from(`${i}`))
  bidi.end()
  for await (const part of bidi) echoed.push(String(part))
  t.equal(echoed.length, 50)
})

// --- their server -------------------------------------------------------------

type Handler = grpc.UntypedServiceImplementation

async function theirServer(t: Test): Promise<{ address: string; cancelled: () => number }> {
  let cancelled = 0
  const definition: grpc.ServiceDefinition = Object.fromEntries(
    Object.entries(PATHS).map(([kind, path]) => [
      kind,
      {
        path,
        requestStream: kind === 'client' || kind === 'bidi',
        responseStream: kind === 'server' || kind === 'bidi',
        requestSerialize: identity,
        requestDeserialize: identity,
        responseSerialize: identity,
        responseDeserialize: identity,
      },
    ]),
  )
  const handlers: Handler = {
    unary(call: grpc.ServerUnaryCall<Buffer, Buffer>, reply: grpc.sendUnaryData<Buffer>) {
      const body = call.request.toString()
      call.on('cancelled', () => cancelled++)
      if (body === 'slow') return
      if (body === 'fail') {
        const metadata = new grpc.Metadata()
        metadata.set('why', 'because')
        reply({ code: grpc.status.NOT_FOUND, details: 'no – ü %', metadata })
      } else if (body === 'meta') {
        const metadata = new grpc.Metadata()
        metadata.set('seen', call.metadata.get('tenant')[0] ?? '')
        metadata.set('blob-bin', Buffer.from([0, 255, 128]))
        call.sendMetadata(metadata)
        reply(null, Buffer.from('ok'), metadata)
      } else reply(null, call.request)
    },
    client(call: grpc.ServerReadableStream<Buffer, Buffer>, reply: grpc.sendUnaryData<Buffer>) {
      const seen: string[] = []
      call.on('data', (part: Buffer) => seen.push(part.toString()))
      call.on('end', () => reply(null, Buffer.from(seen.join())))
    },
    server(call: grpc.ServerWritableStream<Buffer, Buffer>) {
      for (let i = 0; i < 3; i++) call.write(Buffer.from(`${call.request.toString()}${i}`))
      call.end()
    },
    bidi(call: grpc.ServerDuplexStream<Buffer, Buffer>) {
      call.on('data', (part: Buffer) => call.write(part))
      call.on('end', () => call.end())
    },
  }
  const server = new grpc.Server()
  server.addService(definition, handlers)
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  t.teardown(() => server.forceShutdown())
  return { address: `127.0.0.1:${port}`, cancelled: () => cancelled }
}

interface OurOutcome {
  error: GrpcError | undefined
  bodies: string[]
  headers: Metadata | undefined
  trailers: Metadata
}

function ourCall(
  session: Session,
  kind: CallKind,
  requests: readonly string[],
  options: { deadlineMs?: number; metadata?: Metadata } = {},
): Promise<OurOutcome> & { call: ClientCall } {
  const method = methodOf(kind)
  const bodies: string[] = []
  let headers: Metadata | undefined
  let call: ClientCall | undefined
  const promise = new Promise<OurOutcome>(resolve => {
    const drain = (): void => {
      while (call?.readable) bodies.push(Buffer.from(call.read() as Uint8Array).toString())
    }
    call = new ClientCall(
      method,
      {
        timers: session.timers,
        ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
        ...(options.deadlineMs === undefined
          ? {}
          : { deadline: session.now() + options.deadlineMs }),
      },
      {
        onHeaders(metadata) {
          headers = metadata
        },
        onReadable: drain,
        onDrain() {},
        onStatus(error, trailers) {
          drain()
          resolve({ error, bodies, headers, trailers })
        },
      },
    )
    if (kind === 'unary' || kind === 'server') call.request(Buffer.from(requests[0]!))
    else {
      for (const request of requests) call.write(Buffer.from(request))
      call.halfClose()
    }
    session.start(call, requestHeaders(method, { authority: session.authority, scheme: 'http' }))
  })
  return Object.assign(promise, { call: call! })
}

function ourSession(t: Test, address: string): Session {
  const session = connect(address)
  t.teardown(() => session.close())
  return session
}

t.test('our client, grpc-js server: all four kinds, many at once', async t => {
  const { address } = await theirServer(t)
  const session = ourSession(t, address)
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, (_, i) => ourCall(session, 'unary', [`n${i}`])),
  )
  t.ok(outcomes.every(({ error, bodies }, i) => error === undefined && bodies[0] === `n${i}`))
  t.match(await ourCall(session, 'client', ['a', 'b', 'c']), {
    error: undefined,
    bodies: ['a,b,c'],
  })
  t.match(await ourCall(session, 'server', ['s']), { error: undefined, bodies: ['s0', 's1', 's2'] })
  const many = Array.from({ length: 50 }, (_, i) => `${i}`)
  t.same((await ourCall(session, 'bidi', many)).bodies, many)
  t.equal(session.connectionCount, 1)
})

t.test('our client, grpc-js server: a large message, both ways', async t => {
  const { address } = await theirServer(t)
  const { bodies, error } = await ourCall(ourSession(t, address), 'unary', ['x'.repeat(3_000_000)])
  t.equal(error, undefined)
  t.equal(bodies[0]?.length, 3_000_000)
})

t.test('our client, grpc-js server: errors, metadata and trailers', async t => {
  const { address } = await theirServer(t)
  const session = ourSession(t, address)
  const failed = await ourCall(session, 'unary', ['fail'])
  t.match(failed.error, { status: Status.NotFound, message: 'no – ü %', origin: 'peer' })
  t.equal(failed.trailers.get('why'), 'because')
  const metadata = new Metadata()
  metadata.set('tenant', 'acme')
  const outcome = await ourCall(session, 'unary', ['meta'], { metadata })
  t.equal(outcome.headers?.get('seen'), 'acme')
  t.same([...(outcome.trailers.getBinary('blob-bin') ?? [])], [0, 255, 128])
})

t.test('our client, grpc-js server: deadline and cancellation', async t => {
  const { address, cancelled } = await theirServer(t)
  const session = ourSession(t, address)
  const late = await ourCall(session, 'unary', ['slow'], { deadlineMs: 50 })
  t.equal(late.error?.status, Status.DeadlineExceeded)
  const pending = ourCall(session, 'unary', ['slow'])
  setTimeout(() => pending.call.cancel(), 30)
  t.match((await pending).error, { status: Status.Cancelled, origin: 'local' })
  await new Promise(resolve => setTimeout(resolve, 50))
  t.equal(cancelled(), 2)
})
