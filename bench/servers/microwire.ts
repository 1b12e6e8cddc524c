import { createServer } from '../../src/micro/index.js'
import { answerRunner } from '../child.js'
import { countWrites } from '../count-writes.js'
import { ECHO, ECHO_HANDLERS, loadTypedEcho } from '../echo-service.js'

// microwire as its users start it: the micro server with its defaults.

let writes = 0

countWrites(() => {
  writes += 1
})
const server = createServer({ name: 'bench', address: '127.0.0.1:0' })
  .handle(ECHO, ECHO_HANDLERS)
  .handle(await loadTypedEcho(), { typed: request => request })
await server.start()
const port = Number(server.address.slice(server.address.lastIndexOf(':') + 1))
answerRunner({ port }, {}, () => ({ writes }))
