import { pathToFileURL } from 'node:url'
import type * as Package from '../../src/index.js'

// One call with the published package, whose folder, port and `--schema` are the arguments.

const [folder, port, schema] = process.argv.slice(2)
const { bytesCodec, createClient, defineService, loadService } = (await import(
  pathToFileURL(`${folder}/index.js`).href
)) as typeof Package

const client = createClient({ address: `127.0.0.1:${port}` })
if (schema === '--schema') {
  const orders = client.bind(
    await loadService(`${folder}/../bench/real/orders.proto`, 'shop.v1.Orders'),
  )
  const answer = (await orders['get']!({ id: 'a', view: 'full' } as never)) as { id: string }
  if (answer.id === '') throw new Error('no order')
} else {
  const octets = { request: bytesCodec(), response: bytesCodec() }
  const echo = client.bind(defineService('bench.Echo', { unary: { kind: 'unary', ...octets } }))
  const answer = await echo.unary(Buffer.alloc(46))
  if (answer.length !== 46) throw new Error('the echo differs')
}
await client.close()
const { user, system } = process.cpuUsage()
process.stdout.write(String((user + system) / 1_000))
