import { Receiver } from '../../src/connection/flow/receiver.js'
import type { StreamRecord } from '../../src/connection/streams/stream-record.js'

let listener: ((text: string) => void) | undefined
const receiveOn = Receiver.prototype.receiveOn

Receiver.prototype.receiveOn = function (
  this: Receiver,
  stream: StreamRecord,
  payloadSize: number,
  dataSize: number,
): boolean {
  const taken = receiveOn.call(this, stream, payloadSize, dataSize)
  const { retained, retainedMax } = this
  if (retained > retainedMax) {
    listener?.(
      `a connection holds ${retained} octets; the formula of its limits says ${retainedMax}`,
    )
  }
  return taken
}

/** Tells of every connection that holds more than `Receiver.retainedMax`, as DATA comes. One run at a time. */
export function watchRetained(onFault: ((text: string) => void) | undefined): void {
  listener = onFault
}
