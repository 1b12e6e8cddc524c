import {
  type Context,
  type Handlers,
  loadService,
  type MethodTypes,
  MicroError,
  type Server,
  type Service,
} from '../../src/index.js'

interface HelloRequest {
  readonly name: string
}

interface HelloReply {
  readonly text: string
}

type Unary = MethodTypes<'unary', HelloRequest, HelloReply>

/** The service of interop/go/gomicro, seen from here. */
export interface Greeter {
  hello: Unary
  fail: Unary
  meta: Unary
  slow: Unary
  exit: Unary
  state: Unary
  chat: MethodTypes<'bidi', HelloRequest, HelloReply>
}

interface Text {
  readonly value: string
}

export interface Words {
  upper: MethodTypes<'unary', Text, Text>
  length: MethodTypes<'unary', { readonly value: Buffer }, Text>
}

const PROTO = 'interop/greeter.proto'

export const loadGreeter = (): Promise<Service<Greeter>> => loadService<Greeter>(PROTO, 'Greeter')
export const loadWords = (): Promise<Service<Words>> => loadService<Words>(PROTO, 'Words')

/** Offers both services, and the topic `news`, as the Go program does. */
export async function offerGreeter(server: Server): Promise<void> {
  const seen = new Map<string, string>()
  server.handle(await loadGreeter(), greeterHandlers(server, seen))
  server.handle(await loadWords(), {
    upper: ({ value }) => ({ value: value.toUpperCase() }),
    length: ({ value }) => ({ value: String(value.length) }),
  })
  server.subscribe<HelloRequest>('news', ({ name }) => void seen.set('news', name))
}

function greeterHandlers(server: Server, seen: Map<string, string>): Handlers<Greeter> {
  return {
    hello: ({ name }) => ({ text: `Hello, ${name}` }),
    fail: ({ name }) => {
      throw MicroError.notFound(`no such name ${name}`, { id: 'greeter' })
    },
    meta: ({ name }, { metadata }) => ({ text: metadata.get(name) ?? '' }),
    slow: async (_request, context) => {
      seen.set('slow', (await cancelled(context)) ? 'deadline' : 'no deadline')
      throw MicroError.timeout('too slow', { id: 'greeter' })
    },
    exit: async () => {
      void server.stop({ graceMs: 0 })
      await new Promise(() => {})
      return { text: '' }
    },
    state: ({ name }) => ({ text: seen.get(name) ?? '' }),
    chat: async function* (requests) {
      let count = 0
      let end = 'cancelled'
      try {
        for await (const { name } of requests) {
          if (name === 'bye') return
          if (name === 'boom') throw MicroError.conflict('boom', { id: 'greeter' })
          count++
          yield { text: `Hello, ${name}` }
        }
        end = 'ended by client'
      } finally {
        seen.set('stream', `${end} after ${count}`)
      }
    },
  }
}

/** True when the caller gives up within ten seconds. */
function cancelled({ signal }: Context): Promise<boolean> {
  return new Promise(resolve => {
    const timer = setTimeout(() => resolve(false), 10_000)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve(true)
    })
  })
}
