/**
 * One request to a server that misbehaves on purpose: `node h2spec-client.js http://host:port/`.
 * How the request ends is of no interest; it is the server that judges, so the connection is left
 * alone until the server is done with it.
 */
import { bytesCodec, createClient, defineService } from '../../src/index.js'

const LIFE_MS = 2_500
const POLL_MS = 20

const { host, pathname } = new URL(process.argv[2] ?? '')
const client = createClient({ address: host })
const service = defineService('h2spec.Probe', {
  probe: { kind: 'unary', request: bytesCodec(), response: bytesCodec() },
})
const methods = service.methods.map(method => ({ ...method, path: pathname }))
const { probe } = client.bind({ ...service, methods })

const until = performance.now() + LIFE_MS
let ended = false
probe(new Uint8Array(0), { timeoutMs: LIFE_MS }).then(
  () => {
    ended = true
  },
  () => {
    ended = true
  },
)
const poll = setInterval(() => {
  if (performance.now() < until && !ended) return
  clearInterval(poll)
  process.exit(0)
}, POLL_MS)
