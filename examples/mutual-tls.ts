// Mutual TLS: the server also asks the client for a certificate.
//
//     npm run build && npm run compile && node .build/examples/mutual-tls.js
import { createClient, createServer, defineService, type GrpcError, jsonCodec } from 'microwire'
import { generate } from 'selfsigned'

/** A key, and a certificate for it that is its own authority. */
async function identity(name: string): Promise<{ cert: string; key: string }> {
  const pems = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: name }] },
    ],
  })
  return { cert: pems.cert, key: pems.private }
}

const ours = await identity('vault.internal')
const known = await identity('known-client')
const unknown = await identity('unknown-client')

const service = defineService('vault.v1.Vault', {
  open: { kind: 'unary', request: jsonCodec(), response: jsonCodec<{ gold: number }>() },
})
const server = createServer({
  name: 'vault',
  tls: { ...ours, ca: known.cert, requestCert: true, rejectUnauthorized: true },
})
server.handle(service, {
  open(_, { peer }) {
    console.log(`${String(peer.certificate?.subject.CN)} opens`)
    return { gold: 7 }
  },
})
await server.start()

for (const [who, own] of [
  ['known', known],
  ['unknown', unknown],
  ['nobody', {}],
] as const) {
  const tls = { ca: ours.cert, servername: 'vault.internal', ...own }
  const client = createClient({ address: server.address, tls })
  const answer = await client
    .bind(service)
    .open({})
    .then(
      ({ gold }) => `${gold} gold`,
      (error: GrpcError) => error.code,
    )
  console.log(`${who}: ${answer}`)
  await client.close()
}

await server.stop()
