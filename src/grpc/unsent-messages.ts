import type { Stream } from '../connection/index.js'
import type { Compression } from './compression.js'
import { frameMessage, sendMessage } from './message-writer.js'

const EMPTY: Buffer = Buffer.alloc(0)

/**
 * Sends what has waited for a stream: `first`, a plain message, or `unsent`, messages as they
 * leave; and the end, if the sender `isClosed`. False above the stream's high-water mark.
 */
export function sendUnsent(
  stream: Stream,
  first: Uint8Array | undefined,
  unsent: readonly Buffer[] | undefined,
  isClosed: boolean,
): boolean {
  if (first !== undefined) return sendMessage(stream, first, undefined, isClosed)
  if (unsent === undefined) return isClosed ? stream.sendData(EMPTY, 0, 0, true) : true
  let isOpen = true
  for (let index = 0; index < unsent.length; index++) {
    const framed = unsent[index]!
    const isLast = isClosed && index === unsent.length - 1
    isOpen = stream.sendData(framed, 0, framed.length, isLast)
  }
  return isOpen
}

/** Adds a message to those that wait for a stream; `first` was a plain message until now. */
export function appendUnsent(
  unsent: Buffer[] | undefined,
  first: Uint8Array | undefined,
  payload: Uint8Array,
  compression: Compression | undefined,
): Buffer[] {
  const messages = unsent ?? []
  if (first !== undefined) messages.push(frameMessage(first, undefined))
  messages.push(frameMessage(payload, compression))
  return messages
}
