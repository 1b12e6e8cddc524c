import { createServer, defineService, jsonCodec, MicroError } from '../src/micro/index.js'
import { MUCP_HEADER_SIZE_MAX, MUCP_NAME_SIZE_MAX } from '../src/micro/mucp-limits.js'
import { OctetSource } from '../src/testing/index.js'
import { type Message, memoryTransport, type Socket } from '../src/transport/index.js'
import { invariant } from './invariant.js'
import { someMessage } from './mucp-words.js'

// T13: any messages for a mucp server. Nothing escapes, all that was asked is answered, bounded, and all handlers end.

const MESSAGES_MAX = 40
const TURNS_MAX = 400
/** What an answer may have beside what it repeats: fields of the protocol. */
const ANSWER_FIELDS_MAX = 16
const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const service = defineService('fuzz.Fuzz', {
  one: { kind: 'unary', ...json },
  down: { kind: 'server', ...json },
  up: { kind: 'client', ...json },
  both: { kind: 'bidi', ...json },
})

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** Handlers that hand on what they are told, errors too. */
class Site {
  running = 0
  events = 0
  refusesEvents = false
  readonly transport = memoryTransport()
  readonly server = createServer({
    name: 'fuzz',
    address: 'fuzz:1',
    transport: this.transport,
    onError: error => void String(error),
  })

  async start(): Promise<void> {
    this.server.use((call, next) => {
      if (call.kind === 'event' && this.refusesEvents) throw new MicroError(403, 'no events')
      return next(call.request)
    })
    const counted = async <T>(run: () => Promise<T>): Promise<T> => {
      this.running++
      try {
        return await run()
      } finally {
        this.running--
      }
    }
    const site = this
    async function* all(requests: AsyncIterable<unknown>): AsyncGenerator<unknown> {
      site.running++
      try {
        for await (const each of requests) yield each
      } finally {
        site.running--
      }
    }
    this.server.handle(service, {
      // Long enough for the next message to come while it runs.
      one: request =>
        counted(async () => {
          await turn()
          return request
        }),
      async *down(request) {
        yield request
        yield request
      },
      up: requests =>
        counted(async () => {
          let last: unknown = null
          for await (const each of requests) last = each
          return last
        }),
      both: requests => all(requests),
    })
    this.server.subscribe('news', () => void this.events++)
    await this.server.start()
  }
}

/** Octet 0: whether middleware refuses events; then messages. */
export async function fuzz(data: Buffer): Promise<void> {
  const source = new OctetSource(data)
  const site = new Site()
  site.refusesEvents = (source.octet() & 1) === 1
  await site.start()
  const socket = await site.transport.dial('fuzz:1')
  const answers: Message[] = []
  const reading = readAll(socket, answers)
  /** Unary calls that must be answered: sent when nothing with their id runs. */
  let sent = 0
  while (source.left > 0 && sent++ < MESSAGES_MAX) {
    try {
      await socket.send(someMessage(source))
    } catch {
      // The server has ended the socket.
      break
    }
    if (sent % 8 === 0) await turn()
  }
  await turn()
  await checkProbe(socket, answers)
  await socket.close()
  await reading
  for (let turns = 0; site.running > 0; turns++) {
    invariant(
      turns < TURNS_MAX,
      'T13 every handler ends when its socket has',
      () => `${site.running} run`,
    )
    await turn()
  }
  for (const { header } of answers) checkAnswer(header)
  invariant(
    !site.refusesEvents || site.events === 0,
    'T13 what middleware refuses reaches no subscriber',
  )
  await site.server.stop({ graceMs: 0 })
}

/** Two unary calls with one id: both are answered, whatever came before. */
async function checkProbe(socket: Socket, answers: readonly Message[]): Promise<void> {
  const id = 'probe'
  const header = (): Map<string, string> =>
    new Map([
      ['Content-Type', 'application/json'],
      ['Micro-Id', id],
      ['Micro-Endpoint', 'Fuzz.One'],
    ])
  const body = Buffer.from('7')
  try {
    await Promise.all([
      socket.send({ header: header(), body }),
      socket.send({ header: header(), body }),
    ])
  } catch {
    return
  }
  const count = (): number => answers.filter(answer => answer.header.get('Micro-Id') === id).length
  for (let turns = 0; turns < 20 && count() < 2; turns++) await turn()
  // A socket whose client has said its last word takes no call.
  invariant(count() !== 1, 'T13 each message with the id of a unary call is answered')
}

function checkAnswer(header: ReadonlyMap<string, string>): void {
  invariant(
    header.size <= ANSWER_FIELDS_MAX,
    'T13 an answer repeats no fields',
    () => `${header.size} fields`,
  )
  let size = 0
  for (const [name, value] of header) {
    size += name.length + value.length
    const isError = name === 'Micro-Error' || name === 'X-Micro-Error'
    invariant(
      isError || value.length <= 2 * MUCP_NAME_SIZE_MAX,
      'T13 an answer repeats names that are bounded',
      () => `${name}: ${value.length}`,
    )
  }
  invariant(size <= MUCP_HEADER_SIZE_MAX, 'T13 the header of an answer is bounded')
  const error = header.get('Micro-Error')
  if (error?.startsWith('{') === true) JSON.parse(error)
}

async function readAll(socket: Socket, answers: Message[]): Promise<void> {
  try {
    for (;;) {
      const message = await socket.receive()
      if (message === undefined) return
      answers.push(message)
    }
  } catch {
    // The server has ended it otherwise.
  }
}
