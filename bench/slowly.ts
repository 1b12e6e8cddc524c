import { setTimeout } from 'node:timers/promises'

/** Octets that a slow reader takes in a second. */
export const SLOW_RATE: number = 8_000_000

/** Octets between two pauses: few enough that the reader is slow all the time. */
const STEP_SIZE = 256 * 1024

/** Messages as a reader takes them that keeps to `SLOW_RATE`. */
export async function* slowly(messages: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const begin = performance.now()
  let size = 0
  let next = STEP_SIZE
  for await (const message of messages) {
    yield message
    size += message.length
    if (size < next) continue
    next = size + STEP_SIZE
    const due = begin + (size / SLOW_RATE) * 1_000
    await setTimeout(Math.max(0, due - performance.now()))
  }
}
