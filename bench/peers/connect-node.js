// connect-node as a peer: plain JavaScript, because its types do not pass a strict check of libraries.
// It speaks the child protocol of ../child.ts: one JSON line for each line of standard input.
import { createServer } from 'node:http2'
import { createInterface } from 'node:readline'
import { create, createFileRegistry } from '@bufbuild/protobuf'
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
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

const server = createServer(
  connectNodeAdapter({
    connect: false,
    grpcWeb: false,
    routes: router => {
      router.service(registry.getService('bench.Echo'), { unary: request => request })
      router.service(registry.getService('bench.TypedEcho'), { typed: request => request })
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
