import { LENGTH_PREFIX_SIZE, writeLengthPrefix } from '../grpc/index.js'
import { EDGE_NUMBERS } from './octet-mutator.js'
import type { Random } from './random.js'

/** Messages in a row at most. */
const MESSAGES_MAX = 5

/** Generates length-prefixed gRPC messages, occasionally with a wrong prefix. PROTOCOL-HTTP2.md. */
export function randomMessages(random: Random): Buffer {
  const messages: Buffer[] = []
  for (let count = random.size(MESSAGES_MAX); count > 0; count--)
    messages.push(randomMessage(random))
  return Buffer.concat(messages)
}

function randomMessage(random: Random): Buffer {
  const size = random.size(random.chance(0.95) ? 200 : 40_000)
  const message = Buffer.alloc(LENGTH_PREFIX_SIZE + size, random.integer(0, 255))
  const lies = random.chance(0.05)
  const flag = random.chance(0.9) ? 0 : random.integer(0, 3)
  writeLengthPrefix(message, 0, 0, lies ? random.pick(EDGE_NUMBERS) : size)
  message[0] = flag
  return message
}
