import { frameName, summarizeFrame } from '../src/frame/index.js'
import { createClient, createServer, type Server } from '../src/index.js'
import { grpcTransport } from '../src/transport/index.js'
import { readArguments } from './arguments.js'
import { showFoundByName } from './demo/found-by-name.js'
import { greeterHandlers, loadGreeter, SERVICE_NAME } from './demo/greeter.js'
import { PeerCaller, startPeerServer } from './demo/grpc-js-peer.js'
import { dim, green, Report, red } from './demo/report.js'

const USAGE = `The main job over real TCP, in a few seconds: one port, two doors, five pairs of peers.

    npm start              shows it and exits
    npm start -- --serve   keeps serving and says how to call it`

const { values } = readArguments(USAGE, {
  options: {
    serve: { type: 'boolean', default: false },
    address: { type: 'string', default: '127.0.0.1:50051' },
  },
})

const greeter = await loadGreeter()

function makeServer(address: string): Server {
  const server = createServer({ name: 'greeter', address })
  server.handle(greeter, greeterHandlers)
  return server
}

/** All four kinds of call over one protocol, with our client. */
async function callAll(report: Report, address: string, protocol: 'grpc' | 'mucp'): Promise<void> {
  await using client = createClient({ address, protocol })
  const { hello, countdown, sum, chat } = client.bind(greeter)
  await report.call('hello (unary)', async () => (await hello({ name: 'Ada' })).text)
  await report.call('countdown (server)', async () => {
    const ticks: number[] = []
    for await (const { left } of countdown({ from: 3 })) ticks.push(left)
    return ticks.join(', ')
  })
  await report.call('sum (client)', async () => {
    const total = await sum([1, 2, 3, 4].map(value => ({ value })))
    return `${total.sum} from ${total.count} messages`
  })
  await report.call('chat (bidirectional)', async () => {
    const heard: string[] = []
    for await (const { text } of chat([{ text: 'hi' }, { text: 'bye' }])) heard.push(text)
    return heard.join(' | ')
  })
}

/** A client that has never heard of us. */
async function callFromPeer(report: Report, address: string): Promise<void> {
  const peer = new PeerCaller(address)
  await report.call('hello (unary)', () => peer.hello('Grace'))
  await report.call('countdown (server)', async () => (await peer.countdown(3)).join(', '))
  await report.call('sum (client)', async () => {
    const total = await peer.sum([10, 20, 30])
    return `${total.sum} from ${total.count} messages`
  })
  await report.call('chat (bidirectional)', async () =>
    (await peer.chat(['hi', 'bye'])).join(' | '),
  )
  peer.close()
}

/** One unary call, frame by frame, as the client sees it. */
async function showFrames(report: Report, address: string): Promise<void> {
  const lines: string[] = []
  const transport = grpcTransport({
    session: {
      observer: {
        onFrame(sent, type, flags, streamId, size) {
          const arrow = sent ? '->' : '<-'
          lines.push(`  ${arrow} ${summarizeFrame(type, flags, streamId, size)}`)
        },
      },
    },
  })
  const client = createClient({ address, transport })
  const { hello } = client.bind(greeter)
  await report.call('hello (unary)', async () => (await hello({ name: 'wire' })).text)
  await client.close()
  await transport.close()
  for (const line of lines) console.log(dim(line))
}

async function demo(): Promise<void> {
  const started = process.hrtime.bigint()
  const report = new Report()
  const server = makeServer('127.0.0.1:0')
  await server.start()
  const peerServer = await startPeerServer()
  console.log(`microwire  one port, two doors: ${green(server.address)}`)

  report.title('native gRPC', 'our client, our server')
  await callAll(report, server.address, 'grpc')
  report.title('mucp over the gRPC transport', 'our client, our server, same port')
  await callAll(report, server.address, 'mucp')
  report.title('@grpc/grpc-js client', 'knows nothing of us; our server, same port')
  await callFromPeer(report, server.address)
  report.title('@grpc/grpc-js server', 'our client')
  await callAll(report, peerServer.address, 'grpc')
  report.title('found by name', 'our client, our server, and neither was told an address')
  await showFoundByName(report)
  report.title('one call on the wire', `${frameName(1)} and friends, as our client sees them`)
  await showFrames(report, server.address)

  await server.stop({ graceMs: 1_000 })
  peerServer.stop()
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  const verdict = report.failed === 0 ? green('all well') : red('something is wrong')
  console.log(
    `\n${report.passed + report.failed} calls between 5 pairs of peers: ${report.passed} ok, ${report.failed} failed in ${seconds.toFixed(2)} s; ${verdict}`,
  )
  process.exitCode = report.failed === 0 ? 0 : 1
}

async function serve(address: string): Promise<void> {
  const server = makeServer(address)
  await server.start()
  console.log(`${SERVICE_NAME} on ${green(server.address)}, gRPC and mucp on one port. Ctrl-C stops it.

  ${dim('# from the root of the repository')}
  grpcurl -plaintext -import-path examples -proto greeter.proto \\
    -d '{"name": "Ada"}' ${server.address} ${SERVICE_NAME}/Hello
`)
  const stop = (): void => {
    void server.stop({ graceMs: 5_000 }).then(() => console.log('stopped'))
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
}

await (values.serve ? serve(values.address) : demo()).catch((error: unknown) => {
  console.error(red(error instanceof Error ? error.message : String(error)))
  process.exitCode = 1
})
