// Middleware runs around every call, unary or stream, on either side.
//
//     npm run build && npm run compile && node .build/examples/middleware.js
import {
  createClient,
  createServer,
  defineService,
  GrpcError,
  jsonCodec,
  type Middleware,
  Status,
} from 'microwire'

interface Word {
  text: string
}

const service = defineService('shout.v1.Shout', {
  up: { kind: 'unary', request: jsonCodec<Word>(), response: jsonCodec<Word>() },
})

/** Says what was called and how it ended. */
const log: Middleware = async (call, next) => {
  try {
    const result = await next(call.request)
    console.log(`${call.side} ${call.service} ${call.method}: ok`)
    return result
  } catch (error) {
    console.log(`${call.side} ${call.service} ${call.method}: ${(error as GrpcError).code}`)
    throw error
  }
}

/** Lets nobody in who does not know the word. */
const guard: Middleware = (call, next) => {
  if (call.metadata.get('authorization') === 'Bearer sesame') return next(call.request)
  throw new GrpcError(Status.Unauthenticated, 'who are you?')
}

const server = createServer({ name: 'shout' })
server.use(log, guard).handle(service, { up: ({ text }) => ({ text: text.toUpperCase() }) })
await server.start()

const stranger = createClient({ address: server.address })
await stranger
  .bind(service)
  .up({ text: 'let me in' })
  .catch((error: GrpcError) => console.log('stranger:', error.message))

const friend = createClient({ address: server.address }).use((call, next) => {
  call.metadata.set('authorization', 'Bearer sesame')
  return next(call.request)
})
console.log('friend:', (await friend.bind(service).up({ text: 'open' })).text)

await Promise.all([stranger.close(), friend.close()])
await server.stop()
