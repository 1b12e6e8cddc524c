// connect-node as a peer: plain JavaScript, because its types do not pass a strict check of libraries.
// It speaks the child protocol of ../child.ts: one JSON line for each line of standard input.

import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http2'
import { createInterface } from 'node:readline'
import { create, createFileRegistry, fromBinary } from '@bufbuild/protobuf'
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt'
import { connectNodeAdapter } from '@connectrpc/connect-node'

const { OPTIONAL } = FieldDescriptorProto_Label

// connect-node knows no codec that hands octets through; a message of one `bytes` field is the nearest.
const file = create(FileDescriptorProtoSchema, {
  name: 'bench.proto',
  package: 'bench',
  syntax: 'proto3',
  messageType: [
    {
      name: 'Octets',
      field: [{ name: 'value', number: 1, label: OPTIONAL, type: FieldDescriptorProto_Type.BYTES }],
    },
    {
      name: 'Text',
      field: [
        { name: 'value', number: 1, label: OPTIONAL, type: FieldDescriptorProto_Type.STRING },
      ],
    },
  ],
  service: [
    {
      name: 'Echo',
      method: [{ name: 'Unary', inputType: '.bench.Octets', outputType: '.bench.Octets' }],
    },
    {
      name: 'TypedEcho',
      method: [{ name: 'Typed', inputType: '.bench.Text', outputType: '.bench.Text' }],
    },
  ],
})
const registry = createFileRegistry(file, () => undefined)

// shop.v1.Orders of real/orders.proto, once the suite `real` has written its descriptors.
const descriptors = new URL('../../.cache/bench/orders.binpb', import.meta.url)
const orders = existsSync(descriptors)
  ? createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptors)))
  : undefined

/** Two awaits and an order, as everybody's handler has them: see real/handlers.ts. */
async function get({ id }) {
  const order = await found
  await Promise.resolve(id.length)
  return order
}

const found =
  orders &&
  fromBinary(
    orders.getMessage('shop.v1.Order'),
    readFileSync(new URL('../../.cache/bench/order.binpb', import.meta.url)),
  )

const server = createServer(
  connectNodeAdapter({
    connect: false,
    grpcWeb: false,
    routes: router => {
      router.service(registry.getService('bench.Echo'), { unary: request => request })
      router.service(registry.getService('bench.TypedEcho'), { typed: request => request })
      if (orders !== undefined) {
        router.service(orders.getService('shop.v1.Orders'), { get, peek: () => found })
      }
    },
  }),
).listen(0, '127.0.0.1', () => {
  createInterface({ input: process.stdin })
    .on('line', () => {
      const cpu = process.cpuUsage()
      console.log(JSON.stringify({ cpuUs: cpu.user + cpu.system }))
    })
    .on('close', () => process.exit(0))
  console.log(JSON.stringify({ port: server.address().port }))
})
