import { Router } from '../src/grpc/index.js'
import { OctetSource } from '../src/testing/index.js'
import { serve } from '../src/transport/index.js'
import { acceptorOf } from '../test/transport/calls.js'
import { FakeRuntime, FakeSocket } from '../test/transport/fake-runtime.js'
import { invariant } from './invariant.js'

// T18: who comes to the door of a server, and goes: handshakes and sockets are counted together, each bound holds, what is refused is told.

const ADDRESSES: readonly string[] = [
  '192.0.2.1',
  '192.0.2.2',
  '::ffff:192.0.2.1',
  '2001:db8::1',
  '2001:db8::2',
  '2001:db8:0:1::1',
]
/** What counts as one: written down, not worked out. */
const GROUPS: readonly string[] = ['a', 'b', 'a', 'c', 'c', 'd']
const SYSTEM_ERRORS: readonly string[] = ['EMFILE', 'ENFILE', 'ECONNABORTED']

/** Octet 0 and 1: the bounds; then each thing that happens. */
export async function fuzz(data: Buffer): Promise<void> {
  const source = new OctetSource(data)
  const connectionsMax = 1 + (source.octet() % 6)
  const perAddressMax = [1, 2, 3, Number.POSITIVE_INFINITY][source.octet() & 3]!
  const runtime = new FakeRuntime()
  let told = 0
  const server = await serve({
    address: ':4000',
    handler: acceptorOf(new Router()),
    connectionsMax,
    connectionsPerAddressMax: perAddressMax,
    onError: () => told++,
    runtime,
  })
  const { events } = runtime
  if (events === undefined) throw new Error('nobody listens')
  const door = new Door(connectionsMax, perAddressMax)
  while (source.left > 0) {
    const what = source.octet() % 5
    const who = source.octet() % ADDRESSES.length
    const toldBefore = told
    const remoteAddress = ADDRESSES[who]!
    if (what === 0) {
      const isIn = events.onHandshake(remoteAddress, `${remoteAddress}:5`)
      invariant(isIn === door.admits(who), 'T18 a handshake takes a place, where there is one')
      if (isIn) door.handshakes.push(who)
      else invariant(told === toldBefore + 1, 'T18 who is refused is told')
    } else if (what === 1 && door.handshakes.length > 0) {
      const [gone] = door.handshakes.splice(who % door.handshakes.length, 1)
      events.onHandshakeEnd(ADDRESSES[gone!]!)
    } else if (what === 2) {
      const socket = new FakeSocket()
      socket.remoteAddress = remoteAddress
      const isDue = door.admits(who)
      events.onSocket(socket)
      invariant(socket.destroyed !== isDue, 'T18 a socket takes a place, where there is one')
      if (isDue) door.sockets.push({ who, socket })
      else invariant(told === toldBefore + 1, 'T18 who is refused is told')
    } else if (what === 3 && door.sockets.length > 0) {
      const [gone] = door.sockets.splice(who % door.sockets.length, 1)
      gone!.socket.destroy()
    } else if (what === 4) {
      const code = SYSTEM_ERRORS[who % SYSTEM_ERRORS.length]!
      events.onAcceptError(Object.assign(new Error(code), { code }))
      invariant(told === toldBefore + 1, 'T18 what keeps connections out is told')
    }
    invariant(
      server.connectionCount === door.sockets.length,
      'T18 each socket that is served is counted',
      () => `${server.connectionCount}, ${door.sockets.length}`,
    )
  }
  for (const who of door.handshakes) events.onHandshakeEnd(ADDRESSES[who]!)
  for (const { socket } of door.sockets) socket.destroy()
  await server.stop({ graceMs: 0 })
  invariant(runtime.pending.length === 0, 'I-DEAD no timer is left')
}

/** Who is there, counted plainly. */
class Door {
  readonly handshakes: number[] = []
  readonly sockets: { readonly who: number; readonly socket: FakeSocket }[] = []
  readonly #connectionsMax: number
  readonly #perAddressMax: number

  constructor(connectionsMax: number, perAddressMax: number) {
    this.#connectionsMax = connectionsMax
    this.#perAddressMax = perAddressMax
  }

  admits(who: number): boolean {
    const there = [...this.handshakes, ...this.sockets.map(each => each.who)]
    const same = there.filter(each => GROUPS[each] === GROUPS[who])
    return there.length < this.#connectionsMax && same.length < this.#perAddressMax
  }
}
