import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceClientConstructor,
  type ServiceDefinition,
  type sendUnaryData,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { answerRunner, heapOctets } from '../child.js'
import { PROTO } from '../paths.js'
import { Path } from '../payload.js'
import { serverArguments } from './server-arguments.js'

const same = (bytes: Buffer): Buffer => bytes

function method(path: string, requestStream: boolean, responseStream: boolean) {
  return {
    path,
    requestStream,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  }
}

const service: ServiceDefinition = {
  unary: method(Path.unary, false, false),
  timer: method(Path.timer, false, false),
  hold: method(Path.hold, false, false),
  store: method(Path.store, false, false),
  stream: method(Path.stream, true, true),
  upload: method(Path.upload, true, false),
  download: method(Path.download, false, true),
}

function download(call: ServerWritableStream<Buffer, Buffer>): void {
  let left = call.request.readUInt32BE(0)
  const message = Buffer.alloc(call.request.readUInt32BE(4))
  const pump = (): void => {
    while (left > 0) {
      left -= 1
      if (!call.write(message)) {
        call.once('drain', pump)
        return
      }
    }
    call.end()
  }
  pump()
}

function upload(call: ServerReadableStream<Buffer, Buffer>, respond: sendUnaryData<Buffer>): void {
  let size = 0
  call.on('data', (message: Buffer) => {
    size += message.length
  })
  call.on('end', () => {
    respond(null, sizeAnswer(size))
  })
}

function sizeAnswer(size: number): Buffer {
  const answer = Buffer.alloc(8)
  answer.writeBigUInt64BE(BigInt(size))
  return answer
}

// Channelz traces every call; without it the peer is at its best.
const server = new Server({
  'grpc.enable_channelz': 0,
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
})
server.addService(service, {
  unary: (call: ServerUnaryCall<Buffer, Buffer>, respond: sendUnaryData<Buffer>) =>
    respond(null, call.request),
  timer: (call: ServerUnaryCall<Buffer, Buffer>, respond: sendUnaryData<Buffer>) => {
    setTimeout(() => respond(null, call.request), 1)
  },
  hold: () => {},
  store: (call: ServerUnaryCall<Buffer, Buffer>, respond: sendUnaryData<Buffer>) =>
    respond(null, sizeAnswer(call.request.length)),
  stream: (call: ServerDuplexStream<Buffer, Buffer>) => {
    call.on('data', message => {
      if (!call.write(message)) {
        call.pause()
        call.once('drain', () => call.resume())
      }
    })
    call.on('end', () => call.end())
  },
  upload,
  download,
})

interface BenchPackage {
  readonly TypedEcho: ServiceClientConstructor
}
const loaded = loadPackageDefinition(loadSync(PROTO))['bench'] as unknown as BenchPackage
server.addService(loaded.TypedEcho.service, {
  typed: (call: ServerUnaryCall<object, object>, respond: sendUnaryData<object>) =>
    respond(null, call.request),
})

const { tls } = serverArguments()
const security =
  tls === undefined
    ? ServerCredentials.createInsecure()
    : ServerCredentials.createSsl(null, [
        { cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) },
      ])
server.bindAsync('127.0.0.1:0', security, (error, port) => {
  if (error !== null) throw error
  answerRunner({ port }, { heap: heapOctets })
})
