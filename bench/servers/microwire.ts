import { createServer } from '../../src/micro/index.js'
import { answerRunner, heapOctets } from '../child.js'
import { countWrites } from '../count-writes.js'
import { ECHO, ECHO_HANDLERS, JSON_ECHO, loadTypedEcho } from '../echo-service.js'
import { serverArguments } from './server-arguments.js'

// microwire as its users start it: the micro server with its defaults.

let writes = 0

countWrites(() => {
  writes += 1
})
const { tls, streams } = serverArguments()
const server = createServer({
  name: 'bench',
  address: '127.0.0.1:0',
  // ALPN is not ours to choose: microwire serves h2 and nothing else.
  ...(tls === undefined ? {} : { tls: { ...tls, minVersion: 'TLSv1.3' } }),
  ...(streams === undefined ? {} : { limits: { streamsMax: streams } }),
})
  .handle(ECHO, ECHO_HANDLERS)
  .handle(await loadTypedEcho(), { typed: request => request })
  .handle(JSON_ECHO, { call: request => request })
await server.start()
const port = Number(server.address.slice(server.address.lastIndexOf(':') + 1))
answerRunner({ port }, { heap: heapOctets }, () => ({ writes }))
