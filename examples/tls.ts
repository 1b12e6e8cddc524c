// TLS: the client trusts a certificate, here one that was made a moment ago.
//
//     npm run build && npm run compile && node .build/examples/tls.js
import { createClient, createServer, type GrpcError, loadService } from 'microwire'
import { generate } from 'selfsigned'
import type { Greeter } from './greeter.js'

const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
  keyType: 'ec',
  extensions: [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
  ],
})

const service = await loadService<Greeter>('examples/greeter.proto', 'greeter.v1.Greeter')
const server = createServer({ name: 'greeter', tls: { key, cert } })
server.handle(service, {
  hello: ({ name }) => ({ text: `Hello, ${name}` }),
  async *countdown() {},
  sum: () => ({}),
  async *chat() {},
})
await server.start()

const tls = { ca: cert, servername: 'localhost' }
const client = createClient({ address: server.address, tls })
console.log((await client.bind(service).hello({ name: 'TLS' })).text)
await client.close()

const wary = createClient({ address: server.address, tls: { servername: 'localhost' } })
await wary
  .bind(service)
  .hello({ name: 'nobody' })
  .catch((error: GrpcError) => console.log('without the certificate:', error.code))
await wary.close()

await server.stop()
