import type { OutputBuffer } from '../core/output-buffer.js'
import type { StreamRecord } from '../streams/stream-record.js'

/** A part of a frame from here on goes by reference, beside its other parts. Unit: octets. */
const REFERENCE_PART_MIN = 8_192

/** The streams that may send a frame of what they have queued, in the order of their turns. */
export class SendQueue {
  #head: StreamRecord | undefined = undefined
  #tail: StreamRecord | undefined = undefined

  /** Whose turn it is. */
  get first(): StreamRecord | undefined {
    return this.#head
  }

  /** At the end of the row, unless it stands there already. */
  add(stream: StreamRecord): void {
    if (stream.ready) return
    stream.ready = true
    if (this.#tail === undefined) this.#head = stream
    else this.#tail.nextReady = stream
    this.#tail = stream
  }

  /** Takes the first one out. */
  take(): StreamRecord | undefined {
    const stream = this.#head
    if (stream === undefined) return undefined
    this.#head = stream.nextReady
    if (this.#head === undefined) this.#tail = undefined
    stream.nextReady = undefined
    stream.ready = false
    return stream
  }
}

/** Writes the first `size` octets that `stream` has queued: small parts are copied, large ones referred to. */
export function writeQueued(output: OutputBuffer, stream: StreamRecord, size: number): void {
  for (let left = size; left > 0; ) {
    const data = stream.queueHead!
    const part = Math.min(left, data.end - data.start)
    if (part >= REFERENCE_PART_MIN) output.append(data.bytes, data.start, data.start + part)
    else {
      const offset = output.reserve(part)
      data.bytes.copy(output.bytes, offset, data.start, data.start + part)
      output.commit(offset + part)
    }
    left -= part
    data.start += part
    if (data.start === data.end) stream.queueHead = data.next
  }
  if (stream.queueHead === undefined) stream.queueTail = undefined
}
