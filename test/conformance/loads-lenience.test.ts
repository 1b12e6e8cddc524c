import { Client, credentials, Metadata } from '@grpc/grpc-js'
import t from 'tap'
import { truncationReason } from '../../scripts/conformance/loads/lenience.js'
import { type Cell, planCells } from '../../scripts/conformance/loads/plan.js'
import { FrameType } from '../../src/frame/index.js'
import { bytesCodec, createServer, defineService } from '../../src/index.js'
import { grpcTransport } from '../../src/transport/index.js'

const STREAMS: readonly Cell['kind'][] = ['client', 'bidi']

t.test(
  'load matrix: an end without every message is excused where a peer sends it, nowhere else',
  t => {
    for (const cell of planCells(1, 1_500)) {
      const { client, server, kind, ending } = cell
      const isStream = STREAMS.includes(kind) && ending !== 'complete'
      const isGrpcJs = client === 'grpc-js' && ending !== 'client-killed'
      const reason = truncationReason(cell)
      t.equal(
        reason !== undefined,
        isStream && (isGrpcJs || server === 'grpcio'),
        JSON.stringify(cell),
      )
    }
    t.end()
  },
)

t.test('grpc-js: a cancel is END_STREAM and then RST_STREAM on the wire', async t => {
  const frames: string[] = []
  const observer = () => ({
    onFrame(sent: boolean, type: number, flags: number, streamId: number, size: number) {
      if (sent || streamId === 0) return
      frames.push(`${type} ${flags & 1} ${size}`)
    },
  })
  const transport = grpcTransport({ observer })
  const server = createServer({ name: 'wire', address: '127.0.0.1:0', transport })
  const octets = { request: bytesCodec(), response: bytesCodec() }
  const cancelled = new Promise<void>(resolve => {
    server.handle(defineService('loads.Load', { bidi: { kind: 'bidi', ...octets } }), {
      async *bidi(requests, { signal }) {
        signal.addEventListener('abort', () => resolve())
        yield* requests
      },
    })
  })
  await server.start()
  const client = new Client(server.address, credentials.createInsecure())
  t.teardown(async () => {
    client.close()
    await server.stop({ graceMs: 0 })
    await transport.close()
  })
  const same = (bytes: Buffer): Buffer => bytes
  const call = client.makeBidiStreamRequest('/loads.Load/Bidi', same, same, new Metadata())
  call.on('error', () => {})
  call.on('data', () => call.cancel())
  call.write(Buffer.alloc(10))
  await cancelled
  const { Data, RstStream } = FrameType
  t.same(frames.slice(-3), [`${Data} 0 15`, `${Data} 1 0`, `${RstStream} 0 4`])
})
