import { createServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { GrpcError } from '../../src/grpc/index.js'
import { bytesCodec, createClient, defineService } from '../../src/micro/index.js'

const shop = defineService('shop.v1.Shop', {
  get: { kind: 'unary', request: bytesCodec(), response: bytesCodec() },
})

interface Caller {
  readonly get: (request: Buffer) => Promise<unknown>
  readonly closed: Promise<number>
}

/** A client of a server of node:http2 that answers each request with `answer`. */
async function clientOf(
  t: Test,
  answer: (stream: ServerHttp2Stream) => void,
  protocol: 'grpc' | 'mucp' = 'grpc',
): Promise<Caller> {
  let onClosed: (code: number) => void = () => {}
  const closed = new Promise<number>(resolve => {
    onClosed = resolve
  })
  const server = createServer()
  server.on('sessionError', () => {})
  server.on('stream', stream => {
    stream.on('error', () => {})
    stream.on('close', () => onClosed(stream.rstCode))
    answer(stream)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const client = createClient({ address: `127.0.0.1:${port}`, protocol, retries: 0 })
  t.teardown(async () => {
    await client.close()
    server.close()
  })
  return { get: request => client.bind(shop).get(request), closed }
}

/** A page whose end never comes. */
function endlessPage(size: number): (stream: ServerHttp2Stream) => void {
  return stream => {
    stream.respond({ ':status': 503, 'content-type': 'text/html' })
    stream.write('<html>busy '.padEnd(size, '.'))
  }
}

const CANCEL = 8

for (const size of [11, 5_000]) {
  t.test(`a 503 of ${size} octets that never ends is UNAVAILABLE at once, native`, async t => {
    const { get, closed } = await clientOf(t, endlessPage(size))
    await t.rejects(get(Buffer.alloc(1)), {
      code: 'UNAVAILABLE',
      origin: 'peer',
      message: /HTTP status 503, content-type "text\/html": <html>busy/,
    })
    t.equal(await closed, CANCEL, 'and the stream is reset')
  })

  t.test(`a 503 of ${size} octets that never ends fails a mucp call at once`, async t => {
    const { get, closed } = await clientOf(t, endlessPage(size), 'mucp')
    await t.rejects(get(Buffer.alloc(1)), /503/)
    t.equal(await closed, CANCEL)
  })
}

t.test('RFC 9113 §8.2.1: a status whose message ends in a space arrives', async t => {
  const { get } = await clientOf(t, stream => {
    stream.respond(
      {
        ':status': 200,
        'content-type': 'application/grpc',
        'grpc-status': '2',
        'grpc-message': 'Exception calling application: ',
        'x-note': '\ta ',
      },
      { endStream: true },
    )
  })
  const error = await get(Buffer.alloc(1)).catch((caught: unknown) => caught)
  t.ok(error instanceof GrpcError)
  t.match(error, { code: 'UNKNOWN', message: 'Exception calling application:' })
  t.equal((error as GrpcError).metadata.get('x-note'), 'a')
})
