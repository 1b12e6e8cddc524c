import t, { type Test } from 'tap'
import { ClientCall, type GrpcError, Status } from '../../src/grpc/index.js'
import { grpcTransport } from '../../src/transport/micro/grpc-transport.js'
import type {
  CallListener,
  CallTransport,
  Message,
  Socket,
} from '../../src/transport/micro/transport.js'
import {
  TRANSPORT_PATH,
  TRANSPORT_PATH_OLD,
  transportMethod,
} from '../../src/transport/micro/transport-method.js'
import { headersOf } from './calls.js'

/** `Message` with nothing but the body `y`, as the call sees it. */
const BODY_Y = Buffer.from([0x12, 1, 0x79])

function bodyOf(message: Message | undefined): string | undefined {
  return message === undefined ? undefined : Buffer.from(message.body).toString()
}

async function rig(
  t: Test,
  handler: (socket: Socket) => void | Promise<void>,
): Promise<{ transport: CallTransport; listener: CallListener }> {
  const transport = grpcTransport()
  const listener = await transport.listen('127.0.0.1:0')
  listener.accept(handler)
  t.teardown(async () => {
    await transport.close()
    await listener.stop(0)
  })
  return { transport, listener }
}

interface Bare {
  readonly call: ClientCall
  readonly bodies: (string | undefined)[]
  readonly ended: Promise<GrpcError | undefined>
}

/** The bare call below a socket: END_STREAM is ours to send, and there is one path only. */
function open({ transport, listener }: Awaited<ReturnType<typeof rig>>, path: string): Bare {
  const method = transportMethod(path)
  const session = transport.session(listener.address)
  const bodies: (string | undefined)[] = []
  let call: ClientCall | undefined
  const ended = new Promise<GrpcError | undefined>(resolve => {
    const read = (): void => {
      while (call?.readable) bodies.push(bodyOf(call.read() as Message))
    }
    const made = new ClientCall(
      method,
      { timers: session.timers },
      {
        onHeaders() {},
        onReadable: read,
        onDrain() {},
        onStatus(error) {
          read()
          resolve(error)
        },
      },
    )
    call = made
    session.start(made, headersOf(method))
  })
  return { call: call!, bodies, ended }
}

t.test('micro-wire fact 1: a listener answers on both paths', async t => {
  const rigged = await rig(t, async socket => {
    await socket.send((await socket.receive())!)
  })
  for (const path of [TRANSPORT_PATH, TRANSPORT_PATH_OLD]) {
    const { call, bodies, ended } = open(rigged, path)
    call.write(BODY_Y)
    t.equal(await ended, undefined, path)
    t.same(bodies, ['y'], path)
  }
  const { call, ended } = open(rigged, '/other.Transport/Stream')
  call.write(BODY_Y)
  t.match(await ended, {
    status: Status.Unimplemented,
    message: /unknown service other\.Transport/,
  })
})

t.test(
  'micro-wire §2.4: a half-close is the end of what is received; replies still go',
  async t => {
    const seen: (string | undefined)[] = []
    let waits: () => void = () => {}
    const waiting = new Promise<void>(resolve => {
      waits = resolve
    })
    const rigged = await rig(t, async socket => {
      seen.push(bodyOf(await socket.receive()))
      const next = socket.receive()
      waits()
      seen.push(bodyOf(await next), bodyOf(await socket.receive()))
      await socket.send({ header: new Map(), body: Buffer.from('after the end') })
    })
    const { call, bodies, ended } = open(rigged, TRANSPORT_PATH)
    call.write(BODY_Y)
    await waiting
    call.halfClose()
    t.equal(await ended, undefined, 'status OK')
    t.same(seen, ['y', undefined, undefined])
    t.same(bodies, ['after the end'])
  },
)

t.test(
  'micro-wire §2.4: a connection that is lost is an error of receive, never an end',
  async t => {
    let failure: unknown
    let reading: () => void = () => {}
    const started = new Promise<void>(resolve => {
      reading = resolve
    })
    let done: () => void = () => {}
    const finished = new Promise<void>(resolve => {
      done = resolve
    })
    const rigged = await rig(t, async socket => {
      await socket.receive()
      reading()
      failure = await socket.receive().catch(error => error)
      done()
    })
    const { call } = open(rigged, TRANSPORT_PATH)
    call.write(BODY_Y)
    await started
    await rigged.transport.close()
    await finished
    t.match(failure, { name: 'GrpcError', code: /CANCELLED|UNAVAILABLE/ })
  },
)

t.test(
  'micro-wire §2.3: a socket knows the address of its listener and that of its peer',
  async t => {
    const ends: string[][] = []
    const rigged = await rig(t, socket => {
      ends.push([socket.local, socket.remote])
    })
    const { call, ended } = open(rigged, TRANSPORT_PATH)
    call.write(BODY_Y)
    await ended
    t.equal(ends[0]?.[0], rigged.listener.address)
    t.match(ends[0]?.[1], /^127\.0\.0\.1:\d+$/)
    t.not(ends[0]?.[1], rigged.listener.address)
  },
)
