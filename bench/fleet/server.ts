import { createServer } from '../../src/micro/index.js'
import { answerRunner } from '../child.js'
import { FLEET } from './service.js'

// One server of a fleet: a process of its own, so that signals are real. Its answers take as long as it is told.

const [port = '0', delayMs = '1'] = process.argv.slice(2)
let delay = Number(delayMs)
const server = createServer({ name: 'fleet', address: `127.0.0.1:${port}` })
server.handle(FLEET, {
  call: request => new Promise(resolve => setTimeout(resolve, delay, request)),
})
await server.start()
answerRunner(
  { port: Number(server.address.slice(server.address.lastIndexOf(':') + 1)), pid: process.pid },
  {
    delay: request => {
      delay = Number(request['ms'])
      return {}
    },
  },
)
