import { addService } from '../../src/compat/index.js'
import { createServer } from '../../src/micro/index.js'
import { answerRunner, heapOctets } from '../child.js'
import { ECHO_DEFINITION, ECHO_IMPLEMENTATION } from './echo-grpc-js.js'

// microwire with the handlers of grpc-js, unchanged.

const server = createServer({ name: 'bench', address: '127.0.0.1:0' })
addService(server, ECHO_DEFINITION, ECHO_IMPLEMENTATION)
await server.start()
const port = Number(server.address.slice(server.address.lastIndexOf(':') + 1))
answerRunner({ port }, { heap: heapOctets })
