import { GrpcError, Status } from '../../src/index.js'
import { createServer, type ServerOptions } from '../../src/micro/index.js'
import { answerRunner } from '../child.js'
import type { ServerKind } from './servers.js'
import { FLEET } from './service.js'

// One server of a fleet: a process of its own, so that signals are real. Its answers take as long as it is told.

const [port = '0', delayMs = '1', kindText = '{}'] = process.argv.slice(2)
const {
  capacity = Number.POSITIVE_INFINITY,
  overload,
  fails = false,
} = JSON.parse(kindText) as ServerKind
let delay = Number(delayMs)
let free = capacity
let count = 0
const waiting: (() => void)[] = []

/** As a database behind the handler would have it: so many at a time, and the others wait. */
async function place(): Promise<void> {
  if (free > 0) free--
  else await new Promise<void>(resolve => waiting.push(resolve))
}

function giveBack(): void {
  const next = waiting.shift()
  if (next === undefined) free++
  else next()
}

const options: ServerOptions = { name: 'fleet', address: `127.0.0.1:${port}` }
const server = createServer(overload === undefined ? options : { ...options, overload })
server.handle(FLEET, {
  call: async request => {
    count++
    if (fails) throw new GrpcError(Status.Unavailable, 'it fails')
    await place()
    await new Promise(resolve => setTimeout(resolve, delay))
    giveBack()
    return request
  },
})
await server.start()
answerRunner(
  { port: Number(server.address.slice(server.address.lastIndexOf(':') + 1)), pid: process.pid },
  {
    delay: request => {
      delay = Number(request['ms'])
      return {}
    },
    count: () => ({ count, refused: server.overload?.refusedCount ?? 0 }),
  },
)
