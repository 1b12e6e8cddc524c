import {
  loadPackageDefinition,
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceClientConstructor,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import protobuf from 'protobufjs'
import { answerRunner, heapOctets } from '../child.js'
import { ORDERS_PROTO } from '../real/files.js'
import { ERROR_DOMAIN, ERROR_INFO, find, record } from '../real/handlers.js'
import { orderOf } from '../real/orders.js'
import { serverArguments } from './server-arguments.js'

// grpc-js with the same service, its schema loaded by proto-loader as its documentation shows.

interface GetOrder {
  readonly id: string
}

const STATUS_PROTO = `syntax = "proto3"; package google.rpc;
message Any { string type_url = 1; bytes value = 2; }
message Status { int32 code = 1; string message = 2; repeated Any details = 3; }`
const statusType = protobuf.parse(STATUS_PROTO).root.lookupType('google.rpc.Status')
const typeUrl = 'type.googleapis.com/google.rpc.ErrorInfo'

const order = orderOf(String)

interface OrdersPackage {
  readonly v1: { readonly Orders: ServiceClientConstructor }
}
const { v1 } = loadPackageDefinition(loadSync(ORDERS_PROTO))['shop'] as unknown as OrdersPackage
// Channelz traces every call; without it the peer is at its best.
const server = new Server({ 'grpc.enable_channelz': 0 })
server.addService(v1.Orders.service, {
  get: (call: ServerUnaryCall<GetOrder, object>, respond: sendUnaryData<object>) => {
    void answer(call.request.id, respond)
  },
  peek: (_: ServerUnaryCall<GetOrder, object>, respond: sendUnaryData<object>) =>
    respond(null, order),
  missing: (call: ServerUnaryCall<GetOrder, object>, respond: sendUnaryData<object>) => {
    const details = `${ERROR_DOMAIN} has no order ${call.request.id}`
    const code = status.NOT_FOUND
    const value = { code, message: details, details: [{ typeUrl, value: ERROR_INFO }] }
    const metadata = new Metadata()
    metadata.set(
      'grpc-status-details-bin',
      Buffer.from(statusType.encode(statusType.create(value)).finish()),
    )
    respond({ code, details, metadata })
  },
})

async function answer(id: string, respond: sendUnaryData<object>): Promise<void> {
  const found = await find(id, order)
  await record(id)
  respond(null, found)
}

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
