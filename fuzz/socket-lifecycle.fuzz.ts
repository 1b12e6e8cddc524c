import { CallAcceptor, CallConnector, Router } from '../src/grpc/index.js'
import {
  buildFrame,
  OctetSource,
  Random,
  randomClientOctets,
  randomServerOctets,
} from '../src/testing/index.js'
import { TimerHost } from '../src/transport/runtime/timer-host.js'
import { connectionPeer } from '../src/transport/socket/connection-peer.js'
import type { DriverOwner } from '../src/transport/socket/driver-options.js'
import { SocketDriver } from '../src/transport/socket/socket-driver.js'
import { FakeRuntime, FakeSocket } from '../test/transport/fake-runtime.js'
import { invariant } from './invariant.js'

// T12: whatever a socket does, in whatever order, its driver ends once, and leaves nothing behind.

class Owner implements DriverOwner {
  closed = 0
  gone = 0
  readonly errors: unknown[] = []
  onSettings(): void {
    this.#alive('SETTINGS')
  }
  onGoaway(): void {
    this.#alive('GOAWAY')
  }
  onCapacity(): void {
    this.#alive('capacity')
  }
  onHandlerError(error: unknown): void {
    this.errors.push(error)
  }
  onClosed(): void {
    this.closed++
    invariant(this.gone === 0, 'I-STATE onClosed comes before onGone')
  }
  onGone(): void {
    this.gone++
    invariant(this.closed === 1, 'I-STATE onGone comes after onClosed', () => `${this.closed}`)
  }
  #alive(what: string): void {
    invariant(this.gone === 0, 'I-DEAD an event after onGone', () => what)
  }
}

/** Octet 0: role and TLS. Then steps. */
export function fuzz(data: Buffer): void {
  const source = new OctetSource(data)
  const options = source.octet()
  const role = (options & 1) === 0 ? 'server' : 'client'
  const runtime = new FakeRuntime()
  const socket = new FakeSocket()
  const timers = new TimerHost(runtime)
  const owner = new Owner()
  if ((options & 2) !== 0) socket.capacity = 1_000
  const handler = role === 'server' ? new CallAcceptor(new Router()) : new CallConnector()
  const isTls = (options & 4) !== 0
  const driver = new SocketDriver({
    runtime,
    timers,
    socket,
    role,
    handler,
    owner,
    peer: connectionPeer({ local: '127.0.0.1:1', remote: '127.0.0.1:2', isTls }),
  })
  let isEnded = false
  const script = scriptOf(role, options)
  let at = 0
  while (source.left > 0) {
    const step = source.octet()
    switch (step & 15) {
      case 0:
      case 1:
      case 2: {
        const size = 1 + source.octet() * (step >>> 4)
        const piece = script.subarray(at, at + size)
        if (piece.length === 0 || isEnded || socket.paused || socket.destroyed) break
        at += size
        socket.receives(piece)
        break
      }
      case 3:
        if (!isEnded && !socket.paused && !socket.destroyed) socket.receives(source.block())
        break
      case 4:
        if (!isEnded && !socket.destroyed) socket.emit('end')
        isEnded = true
        break
      case 5:
        if (!socket.destroyed) {
          socket.emit('error', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }))
          socket.destroy()
        }
        break
      case 6:
        if (!socket.destroyed) socket.drain()
        break
      case 7:
        runtime.advance([1, 100, 1_000, 30_000][step >>> 6]!)
        break
      case 8:
        runtime.runMicrotasks()
        break
      case 9:
        runtime.runTurn()
        break
      case 10:
        if (step >>> 4 === 0) driver.destroy(new Error('enough'))
        break
      case 11:
        if (step >>> 4 < 3) driver.shutdown()
        break
      case 12:
        if ((step >>> 4) % 5 === 0) socket.destroy()
        break
      default:
        runtime.settle()
    }
    check(driver, owner, socket)
  }
  finish(driver, owner, socket, runtime, timers)
}

function check(driver: SocketDriver, owner: Owner, socket: FakeSocket): void {
  invariant(owner.errors.length === 0, 'I-NOTHROW no handler error', () => String(owner.errors[0]))
  invariant(
    owner.closed <= 1 && owner.gone <= 1,
    'I-STATE onClosed and onGone are called once',
    () => `${owner.closed}, ${owner.gone}`,
  )
  invariant(socket.corked === 0, 'I-STATE the socket is uncorked')
  invariant(driver.gone === (owner.gone === 1), 'I-STATE gone says what onGone said')
  invariant(!socket.destroyed || driver.gone, 'I-STATE a destroyed socket is gone')
}

/** From any state: the peer goes silent, time passes, and our side gives up; all of it is freed. */
function finish(
  driver: SocketDriver,
  owner: Owner,
  socket: FakeSocket,
  runtime: FakeRuntime,
  timers: TimerHost,
): void {
  runtime.settle()
  if (socket.ended) {
    // A second after a fault; a minute for a server whose client may still read its last replies.
    runtime.advance(60_001)
    invariant(socket.destroyed, 'D10 a socket that was ended is destroyed in time')
  }
  driver.destroy(new Error('the end'))
  runtime.settle()
  check(driver, owner, socket)
  invariant(owner.gone === 1, 'I-STATE the end is told')
  invariant(
    timers.wheel.count === 0,
    'I-DEAD no timer is left on the wheel',
    () => `${timers.wheel.count}`,
  )
  invariant(
    runtime.pending.length === 0,
    'I-DEAD no timeout is left',
    () => `${runtime.pending.length}`,
  )
  invariant(driver.connection.finished, 'I-DEAD the connection has finished')
  const written = socket.written.length
  socket.emit('data', Buffer.from('late'))
  socket.emit('drain')
  runtime.settle()
  invariant(socket.written.length === written, 'I-DEAD nothing is written after the end')
}

function scriptOf(role: 'client' | 'server', options: number): Buffer {
  const random = new Random(options >>> 3)
  if ((options & 0xf8) === 0x08) return Buffer.from('GET / HTTP/1.1\r\n\r\n')
  if ((options & 0xf8) === 0x10) return Buffer.of(0x16, 0x03, 0x01, 0x00, 0x05)
  const octets = role === 'server' ? randomClientOctets(random) : randomServerOctets(random)
  return Buffer.concat([octets, buildFrame(7, 0, 0, Buffer.alloc(8))])
}
