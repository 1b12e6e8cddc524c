import { Socket } from 'node:net'

/**
 * Calls `onWrite` for each write that a TCP socket of this process hands to the kernel, however much
 * it carries. Returns how to end it.
 */
export function countWrites(onWrite: (socket: Socket) => void): () => void {
  const { prototype } = Socket
  const { _write, _writev } = prototype
  prototype._write = function (this: Socket, chunk, encoding, done) {
    onWrite(this)
    _write.call(this, chunk, encoding, done)
  }
  if (_writev !== undefined) {
    prototype._writev = function (this: Socket, chunks, done) {
      onWrite(this)
      _writev.call(this, chunks, done)
    }
  }
  return () => {
    prototype._write = _write
    if (_writev !== undefined) prototype._writev = _writev
  }
}
