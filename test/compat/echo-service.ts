import type { Test } from 'tap'
import { createClient, createServer, type Service } from '../../src/micro/index.js'

/** How a generator's messages are made and read, where that is not with plain objects. */
export interface MessageForm {
  /** A message to send. */
  readonly make: (text: string) => unknown
  /** What a message says. */
  readonly textOf: (message: unknown) => string
}

export const PLAIN_OBJECTS: MessageForm = {
  make: text => ({ text }),
  textOf: message => (message as { text: string }).text,
}

type Call = (request: unknown, options?: { contentType?: string }) => unknown

/** Serves `server` and calls it as `client`, all four kinds, with a client of the same or another generator. */
export async function checkFourKinds(
  t: Test,
  [serverSide, serverForm]: readonly [Service, MessageForm],
  [clientSide, clientForm]: readonly [Service, MessageForm],
  contentType?: string,
): Promise<void> {
  const { make, textOf } = serverForm
  const server = createServer({ name: 'echo' }).handle(serverSide, {
    say: (request: never) => make(`say ${textOf(request)}`),
    down: (request: never) => ['1', '2', '3'].map(each => make(`down ${textOf(request)} ${each}`)),
    up: async (requests: never) => make(`up ${(await textsOf(requests, textOf)).join()}`),
    chat: async function* (requests: never) {
      for await (const request of requests as AsyncIterable<unknown>) {
        yield make(`chat ${textOf(request)}`)
      }
    },
    getThing: (request: never) => make(`thing ${textOf(request)}`),
  })
  await server.start()
  const options = contentType === undefined ? {} : { contentType }
  const client = createClient({ address: server.address, ...options })
  try {
    const echo = client.bind(clientSide) as unknown as Readonly<Record<string, Call>>
    const requests = ['a', 'b'].map(clientForm.make)
    const { textOf } = clientForm
    t.equal(textOf(await echo['say']!(clientForm.make('ü'))), 'say ü', 'unary')
    t.equal(textOf(await echo['getThing']!(clientForm.make('x'))), 'thing x', 'unary, get_thing')
    t.strictSame(
      await textsOf(echo['down']!(clientForm.make('x')), textOf),
      ['down x 1', 'down x 2', 'down x 3'],
      'server streaming',
    )
    t.equal(textOf(await echo['up']!(requests)), 'up a,b', 'client streaming')
    t.strictSame(await textsOf(echo['chat']!(requests), textOf), ['chat a', 'chat b'], 'bidi')
  } finally {
    await client.close()
    await server.stop({ graceMs: 0 })
  }
}

async function textsOf(messages: unknown, textOf: MessageForm['textOf']): Promise<string[]> {
  const texts: string[] = []
  for await (const message of messages as AsyncIterable<unknown>) texts.push(textOf(message))
  return texts
}
