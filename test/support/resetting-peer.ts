import { connect } from 'node:net'
import { Connection, type ConnectionHost, TimerWheel } from '../../src/connection/index.js'
import { CallConnector, ClientCall, requestHeaders } from '../../src/grpc/index.js'
import type { Message } from '../../src/transport/index.js'
import { encodeMessage } from '../../src/transport/micro/message.js'
import { TRANSPORT_PATH, transportMethod } from '../../src/transport/micro/transport-method.js'

const SIZE_MAX = 4_194_304

const IGNORES: ConnectionHost = {
  onOutput() {},
  onSettings() {},
  onGoaway() {},
  onCapacity() {},
  onHandlerError() {},
  onClosed() {},
}

/**
 * What a client of go-micro with grpc-go <= 1.63 puts on the wire when it closes a socket: the messages, and
 * RST_STREAM right behind them. Preface first.
 */
export function sentAndReset(messages: readonly Message[]): Buffer {
  const timers = new TimerWheel(0)
  const connector = new CallConnector()
  const connection = new Connection({
    role: 'client',
    handler: connector,
    host: IGNORES,
    now: 0,
    timers,
  })
  const method = transportMethod(TRANSPORT_PATH)
  const receiver = { onHeaders() {}, onReadable() {}, onDrain() {}, onStatus() {} }
  const call = new ClientCall(method, { timers }, receiver)
  const headers = requestHeaders(method, {
    authority: 'test',
    scheme: 'http',
    compressions: new Map(),
  })
  call.start(connector, connection, headers)
  for (const message of messages) call.write(encodeMessage(message, SIZE_MAX))
  const parts = [...connection.takeOutput(SIZE_MAX)].map(part => Buffer.from(part))
  call.cancel()
  return Buffer.concat([...parts, ...connection.takeOutput(SIZE_MAX)])
}

/** Sends `octets` in one write, FIN right behind, and waits until the server has closed too. */
export function sendAndEnd(address: string, octets: Buffer): Promise<void> {
  const port = Number(address.slice(address.lastIndexOf(':') + 1))
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.end(octets))
    socket.resume()
    socket.on('error', reject)
    socket.on('close', () => resolve())
  })
}
