import { Socket } from 'node:net'
import { createServer } from '../../src/micro/index.js'
import { answerRunner } from '../child.js'
import { ECHO, ECHO_HANDLERS, loadTypedEcho } from '../echo-service.js'

// microwire as its users start it: the micro server with its defaults.

let writes = 0

/** Counts what reaches the kernel: one of the two for each write, however much it carries. */
function countWrites(): void {
  const { prototype } = Socket
  const { _write, _writev } = prototype
  prototype._write = function (chunk, encoding, done) {
    writes += 1
    _write.call(this, chunk, encoding, done)
  }
  if (_writev === undefined) return
  prototype._writev = function (chunks, done) {
    writes += 1
    _writev.call(this, chunks, done)
  }
}

countWrites()
const server = createServer({ name: 'bench', address: '127.0.0.1:0' })
  .handle(ECHO, ECHO_HANDLERS)
  .handle(await loadTypedEcho(), { typed: request => request })
await server.start()
const port = Number(server.address.slice(server.address.lastIndexOf(':') + 1))
answerRunner({ port }, {}, () => ({ writes }))
