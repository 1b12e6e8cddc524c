import * as grpc from '@grpc/grpc-js'
import t from 'tap'
import { createServer, defineService, jsonCodec } from '../../src/micro/index.js'

interface Note {
  readonly i: number
}
const bursts = defineService('bursts.v1.Bursts', {
  feed: { kind: 'server', request: jsonCodec<Note>(), response: jsonCodec<Note>() },
})

for (const [streamsMax, callers, rounds] of [
  [10, 40, 10],
  [undefined, 1_200, 2],
] as const) {
  t.test(
    `grpc-js: ${callers} callers that leave after the first message are not refused, streamsMax ${streamsMax ?? 'by default'}`,
    async t => {
      const server = createServer({
        name: 'bursts',
        address: '127.0.0.1:0',
        limits: streamsMax === undefined ? {} : { streamsMax },
      })
      server.handle(bursts, {
        async *feed({ i }, context) {
          yield { i }
          await new Promise((_, reject) => {
            context.signal.addEventListener('abort', () => reject(context.signal.reason))
          })
        },
      })
      await server.start()
      const client = new grpc.Client(server.address, grpc.credentials.createInsecure(), {
        'grpc.enable_retries': 0,
      })
      t.teardown(async () => {
        client.close()
        await server.stop({ graceMs: 0 })
      })
      const write = (note: Note): Buffer => Buffer.from(JSON.stringify(note))
      const read = (bytes: Buffer): Note => JSON.parse(bytes.toString())
      const metadata = new grpc.Metadata()
      metadata.set('x-content-type', 'application/grpc+json')
      const path = '/bursts.v1.Bursts/Feed'
      const once = (i: number): Promise<string> =>
        new Promise(resolve => {
          const call = client.makeServerStreamRequest(path, write, read, { i }, metadata)
          call.on('data', () => {
            resolve('OK')
            call.cancel()
          })
          call.on('error', error => resolve(error.message))
        })
      const caller = async (i: number): Promise<string[]> => {
        const endings: string[] = []
        for (let round = 0; round < rounds; round++) endings.push(await once(i))
        return endings
      }
      const endings = await Promise.all(Array.from({ length: callers }, (_, i) => caller(i)))
      t.same([...new Set(endings.flat())], ['OK'])
    },
  )
}
