/**
 * The server under attack, in a process of its own: `node server.js <peer> <door>`, forked. Answers
 * with figures when told `peek`, `measure` (which collects garbage before), `reset` (which begins
 * to count anew) and `restart` (both); with `pool` it keeps the delays for later. Every peer serves the same methods:
 *
 * - `/attack.Target/Echo`: one message there and back
 * - `/attack.Target/Hold`: many messages in, none out, until the caller is gone
 * - `/attack.Target/Zombie`: as Hold, but goes on for two seconds whatever the caller does
 * - `/attack.Target/Download`: one message in, 64 messages of 16 KiB out
 */
import http2 from 'node:http2'
import type {
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  sendUnaryData,
} from '@grpc/grpc-js'
import { begin, counts, DOWNLOAD_COUNT, isOrdinary, later, MESSAGE, ZOMBIE_MS } from './counts.js'
import { answerTo, type Order } from './meter.js'
import { leaveMemory, playMemory, type Started, startMicrowire } from './ours.js'
import type { Door } from './play.js'

async function startGrpcJs(): Promise<number> {
  const { Server: GrpcJsServer, ServerCredentials } = await import('@grpc/grpc-js')
  const same = (bytes: Buffer): Buffer => bytes
  const method = (path: string, requestStream: boolean, responseStream: boolean) => ({
    path,
    requestStream,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  })
  const service: ServiceDefinition = {
    echo: method('/attack.Target/Echo', false, false),
    hold: method('/attack.Target/Hold', true, true),
    zombie: method('/attack.Target/Zombie', true, true),
    download: method('/attack.Target/Download', false, true),
  }
  const server = new GrpcJsServer()
  server.addService(service, {
    echo(call: ServerUnaryCall<Buffer, Buffer>, respond: sendUnaryData<Buffer>) {
      if (!isOrdinary(call.request)) begin()()
      respond(null, call.request)
    },
    hold(call: ServerDuplexStream<Buffer, Buffer>) {
      const end = begin()
      call.on('cancelled', end).on('error', end).on('close', end).resume()
    },
    zombie(call: ServerDuplexStream<Buffer, Buffer>) {
      const end = begin()
      call.on('error', () => {}).resume()
      void later(ZOMBIE_MS).then(end)
    },
    download(call: ServerWritableStream<Buffer, Buffer>) {
      const end = begin()
      call.on('cancelled', end).on('error', end).on('close', end)
      for (let i = 0; i < DOWNLOAD_COUNT; i++) call.write(MESSAGE)
      call.end()
    },
  })
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port)
      else reject(error)
    })
  })
}

/** The least that answers gRPC on node:http2. */
async function startNodeHttp2(): Promise<number> {
  const server = http2.createServer()
  server.on('session', session => session.on('error', () => {}))
  server.on('sessionError', () => {})
  server.on('stream', (stream, headers) => {
    const end = begin()
    stream.on('error', () => {}).on('close', end)
    const path = String(headers[':path'])
    if (path.endsWith('Hold')) {
      stream.resume()
      return
    }
    if (path.endsWith('Zombie')) {
      stream.resume()
      return
    }
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      if (stream.destroyed) return
      if (isOrdinary(Buffer.concat(chunks).subarray(5))) counts.handlers--
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc+proto' },
        { waitForTrailers: true },
      )
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      if (!path.endsWith('Download')) {
        stream.end(Buffer.concat(chunks))
        return
      }
      const framed = Buffer.concat([Buffer.of(0, 0, 0, 0x40, 0), MESSAGE])
      for (let i = 0; i < DOWNLOAD_COUNT; i++) stream.write(framed)
      stream.end()
    })
  })
  return new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
}

// A crash is a row of the table; that it happened must be seen.
process.on('uncaughtException', error => {
  process.stderr.write(`server: ${error.stack}\n`)
  process.exit(70)
})

const starts: Readonly<Record<string, (door: Door) => Promise<number | Started>>> = {
  microwire: startMicrowire,
  'grpc-js': startGrpcJs,
  'node-http2': startNodeHttp2,
}
const start = starts[process.argv[2] ?? 'microwire']
if (start === undefined) throw new TypeError(`peer ${process.argv[2]} is not known`)
const started = await start((process.argv[3] ?? 'plain') as Door)
process.on('message', (order: Order) => {
  if (order.do === 'play') {
    void playMemory(order.name!, order.scale!).then(played => process.send!(played))
    return
  }
  if (order.do === 'leave') {
    void leaveMemory().then(() => process.send!({ left: true }))
    return
  }
  process.send!(answerTo(order))
})
process.on('disconnect', () => setImmediate(() => process.exit(0)))
process.send!(typeof started === 'number' ? { port: started } : started)
