import t from 'tap'
import { Connection } from '../../src/connection/index.js'
import { BYTES_CODEC, CallAcceptor, Router, type ServerCall } from '../../src/grpc/index.js'
import { frames, REQUEST, Type } from '../support/frames.js'

const bytes = new Map([['proto', BYTES_CODEC]])

/** A server with one method, and a client that accepts no header list at all. */
class Deaf {
  readonly blamed: unknown[] = []
  readonly connection: Connection

  constructor(start: (call: ServerCall) => void) {
    const router = new Router()
    router.add({
      method: { path: '/s.S/Known', kind: 'unary', request: bytes, response: bytes },
      start(call) {
        start(call)
        return { onReadable() {}, onDrain() {}, onCancel() {} }
      },
    })
    this.connection = new Connection({
      role: 'server',
      now: 0,
      handler: new CallAcceptor(router, { onError: error => this.blamed.push(error) }),
      host: {
        onOutput() {},
        onSettings() {},
        onGoaway() {},
        onCapacity() {},
        onHandlerError: error => this.blamed.push(error),
        onClosed() {},
      },
    })
    this.hears(frames.preface(), frames.settings({ headerListSizeMax: 0 }))
  }

  /** Types of the frames that answer these. */
  hears(...sent: Buffer[]): number[] {
    const chunk = Buffer.concat(sent)
    this.connection.receive(chunk, 0, chunk.length, 0)
    const output = Buffer.concat([...this.connection.takeOutput(65_536)])
    const types: number[] = []
    for (let at = 0; at < output.length; at += 9 + output.readUIntBE(at, 3))
      types.push(output[at + 3]!)
    return types
  }
}

function requestTo(path: string): string[] {
  const list = REQUEST.flatMap((text, i) => (REQUEST[i - 1] === ':path' ? [path] : [text]))
  return [...list, 'content-type', 'application/grpc']
}

t.test('B9: a client whose header limit no answer fits gets a reset, and nobody is blamed', t => {
  const unknown = new Deaf(() => t.fail('not called'))
  const request = frames.headers(1, requestTo('/s.S/Unknown'), { endStream: true })
  t.same(unknown.hears(request), [Type.rstStream])
  t.same(unknown.blamed, [])

  let answered = false
  const known = new Deaf(call => {
    call.respond(Buffer.from('x')) // must not throw: it is the client's doing
    answered = call.finished
    call.settle()
  })
  const message = frames.data(1, { bytes: Buffer.alloc(5), endStream: true })
  t.same(known.hears(frames.headers(1, requestTo('/s.S/Known')), message), [Type.rstStream])
  t.equal(answered, true)
  t.same(known.blamed, [])
  t.equal(known.connection.runningCount, 0)
  t.end()
})
