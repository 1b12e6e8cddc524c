import type { DecodedBlock } from './headers/header-block.js'
import type { StreamRecord } from './streams/stream-record.js'

/** Whether a block breaks what RFC 9113 §8.1 says of its place: interim responses, a response, trailers. */
export function isOutOfPlace(
  stream: StreamRecord,
  block: DecodedBlock,
  endStream: boolean,
  interim: boolean,
  interimResponsesMax: number,
): boolean {
  if (stream.headersReceived) {
    // Trailers end the stream (RFC 9113 §8.1) and the content with it.
    return !endStream || stream.contentLeft > 0 || block.faultAs('trailers') !== undefined
  }
  if (interim && (endStream || ++stream.interimCount > interimResponsesMax)) return true
  return block.faultAs('response') !== undefined
}
