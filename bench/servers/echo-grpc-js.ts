import type {
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  sendUnaryData,
  UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { Path } from '../payload.js'

// The echo service as users of grpc-js write it: for grpc-js itself, and for what runs its handlers.

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

/** `bench.Echo` with octets as messages. */
export const ECHO_DEFINITION: ServiceDefinition = {
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

/** Handlers of `ECHO_DEFINITION`, in the form of grpc-js. */
export const ECHO_IMPLEMENTATION: UntypedServiceImplementation = {
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
}
