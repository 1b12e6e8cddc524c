import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceClientConstructor,
  type sendUnaryData,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { answerRunner, heapOctets } from '../child.js'
import { PROTO } from '../paths.js'
import { ECHO_DEFINITION, ECHO_IMPLEMENTATION } from './echo-grpc-js.js'
import { serverArguments } from './server-arguments.js'

// Channelz traces every call; without it the peer is at its best.
const server = new Server({
  'grpc.enable_channelz': 0,
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
})
server.addService(ECHO_DEFINITION, ECHO_IMPLEMENTATION)

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
