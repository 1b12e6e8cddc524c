import { createRequire } from 'node:module'
import type * as GrpcJs from '@grpc/grpc-js'
import type * as ProtoLoader from '@grpc/proto-loader'

// One call with grpc-js; the port and `--schema` are the arguments.

const require = createRequire(import.meta.url)
const { Client, credentials, loadPackageDefinition } = require('@grpc/grpc-js') as typeof GrpcJs
const [port, schema] = process.argv.slice(2)
const address = `127.0.0.1:${port}`
const same = (bytes: Buffer): Buffer => bytes

await new Promise<void>((resolve, reject) => {
  const done = (error: GrpcJs.ServiceError | null): void =>
    error === null ? resolve() : reject(error)
  if (schema === '--schema') {
    const { loadSync } = require('@grpc/proto-loader') as typeof ProtoLoader
    const file = new URL('../../../bench/real/orders.proto', import.meta.url).pathname
    const shop = loadPackageDefinition(loadSync(file))['shop'] as unknown as {
      v1: { Orders: GrpcJs.ServiceClientConstructor }
    }
    const client = new shop.v1.Orders(address, credentials.createInsecure())
    ;(client as unknown as Record<string, (request: object, done: object) => void>)['get']!(
      { id: 'a', view: 'full' },
      done,
    )
    return
  }
  const client = new Client(address, credentials.createInsecure())
  client.makeUnaryRequest('/bench.Echo/Unary', same, same, Buffer.alloc(46), done)
})
const { user, system } = process.cpuUsage()
process.stdout.write(String((user + system) / 1_000))
process.exit()
