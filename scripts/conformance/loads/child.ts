/** A process of the matrix on Node: `child.js server|client ours|grpc-js [--cert F --key F] [--windows small]`. */
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { grpcJsClient, startGrpcJs } from './grpc-js.js'
import { LoadHandlers } from './handlers.js'
import { runLoad } from './load.js'
import { LoopWatch } from './loop-watch.js'
import { oursClient, startOurs } from './ours.js'
import type { Request, Usage } from './protocol.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cert: { type: 'string', default: '' },
    key: { type: 'string', default: '' },
    windows: { type: 'string', default: 'default' },
  },
})
const [role, peer] = positionals
const windows = values.windows === 'small' ? 'small' : 'default'
const handlers = new LoadHandlers()
const watch = new LoopWatch()

const port = role === 'server' ? await listen() : 0
say({ port })
for await (const line of createInterface({ input: process.stdin })) {
  say(await answer(JSON.parse(line) as Request))
}
process.exit(0)

async function listen(): Promise<number> {
  const files = { cert: values.cert, key: values.key }
  if (peer === 'grpc-js') return await startGrpcJs(handlers, files)
  return (await startOurs(handlers, { windows, ...files })).port
}

async function answer(request: Request): Promise<object> {
  if (request.do === 'stats') return handlers.stats(watch.take())
  if (request.do === 'usage') return usage()
  const newClient = peer === 'grpc-js' ? grpcJsClient : oursClient
  return await runLoad(request, newClient(request, request.port, request.caFile), watch)
}

function usage(): Usage {
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  const names = process.getActiveResourcesInfo()
  const count = (name: string) => names.filter(other => other === name).length
  return {
    heapOctets: heapUsed + external,
    sockets: count('TCPSocketWrap') + count('TLSWrap'),
    timers: count('Timeout'),
  }
}

function say(reply: object): void {
  process.stdout.write(`${JSON.stringify(reply)}\n`)
}
