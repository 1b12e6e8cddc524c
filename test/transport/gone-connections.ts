/**
 * Run with `--expose-gc`: how much of 2,000 server connections that came and went, ten at a time, is left
 * after minor collections. Prints octets for each connection.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { PlacedList } from '../../src/transport/runtime/placed-list.js'
import { TimerHost } from '../../src/transport/runtime/timer-host.js'
import { ServedSocket } from '../../src/transport/server/served-socket.js'
import { connectionPeer } from '../../src/transport/socket/connection-peer.js'
import { SocketDriver } from '../../src/transport/socket/socket-driver.js'
import { acceptorOf, routerWith } from './calls.js'
import { FakeRuntime, FakeSocket } from './fake-runtime.js'

const COUNT = 2_000
const AT_ONCE = 10
/** Connections between two minor collections: those that are open then move to the old generation. */
const COLLECT_EVERY = 500

const runtime = new FakeRuntime()
const timers = new TimerHost(runtime)
const acceptor = acceptorOf(routerWith())
const sockets = new PlacedList<{ index: number }>()
const owner = { onConnectionError() {}, onGone: (served: ServedSocket) => sockets.delete(served) }
const age = { ageMs: Number.POSITIVE_INFINITY, graceMs: 0 }
const ends = { isTls: false, local: '127.0.0.1:4000', remote: '127.0.0.1:50000' }
const peer = connectionPeer(ends)

function accept(): FakeSocket {
  const socket = new FakeSocket()
  const served = new ServedSocket(owner, timers, ends.remote, age, 0)
  const common = { runtime, timers, socket, owner: served, peer }
  served.driver = new SocketDriver({ ...common, role: 'server', handler: acceptor() })
  sockets.add(served)
  return socket
}

function comeAndGo(count: number): void {
  const open: FakeSocket[] = []
  for (let i = 0; i < count; i++) {
    open.push(accept())
    if (open.length > AT_ONCE) open.shift()!.emit('close')
    runtime.settle()
    if (i % COLLECT_EVERY === 0) collect()
  }
  for (const socket of open) socket.emit('close')
}

function collect(): void {
  globalThis.gc!({ type: 'minor' })
}

comeAndGo(COUNT)
globalThis.gc!()
const before = process.memoryUsage().heapUsed
comeAndGo(COUNT)
for (let i = 0; i < 3; i++) {
  collect()
  await sleep(1)
}
console.log((process.memoryUsage().heapUsed - before) / COUNT)
