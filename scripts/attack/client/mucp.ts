import { frames } from '../../../test/support/frames.js'
import { prefixed, wire } from '../mucp/wire.js'
import { type Attack, flood, type HostileCalls, join } from '../play.js'
import { answering, first, head, hostile, overTls } from './row.js'

const CALLS: HostileCalls = { count: 20, kind: 'unary', protocol: 'mucp' }
const READ: HostileCalls = { count: 20, kind: 'read', protocol: 'mucp' }
const UNREAD: HostileCalls = { count: 4, kind: 'unread', protocol: 'mucp' }
const DEEP = `{"x":${'['.repeat(1_500)}${']'.repeat(1_500)}}`

/** An answer with these fields; ids of a client of ours count from one. */
function reply(fields: Record<string, string>, body = '{}'): (id: number) => Buffer {
  const bytes = wire({ 'Content-Type': 'application/json', ...fields }, body)
  return id => {
    const parts = [head(id)]
    for (let at = 0; at < bytes.length; at += 16_384) {
      parts.push(frames.data(id, { bytes: bytes.subarray(at, at + 16_384) }))
    }
    return join(parts)
  }
}

/** Sockets of calls that fail are closed: each call has its own stream. */
const OWN = { connectionsMax: 3 }
const DEEP_ERROR = answering(
  'N1-deep-error',
  'a Micro-Error of 1,500 levels',
  CALLS,
  reply({ 'Micro-Error': DEEP }),
  OWN,
)

/** A backend that speaks go-micro's protocol, for our mucp client. */
export const MUCP_CLIENT_ATTACKS: readonly Attack[] = [
  DEEP_ERROR,
  overTls(DEEP_ERROR),
  answering(
    'N1-deep-error-stream',
    'a Micro-Error of 1,500 levels on streams',
    READ,
    reply({ 'Micro-Error': DEEP }),
    OWN,
  ),
  answering(
    'N1-odd-error',
    'a Micro-Error that is no JSON',
    CALLS,
    reply({ 'Micro-Error': '{"code":1e999,"detail":5}' }),
    OWN,
  ),
  answering(
    'N2-wrong-ids',
    'answers to calls that nobody made',
    CALLS,
    reply({ 'Micro-Id': '4711' }),
    OWN,
  ),
  answering(
    'N2-no-protobuf',
    'a message that is no protobuf',
    CALLS,
    id => join([head(id), frames.data(id, { bytes: prefixed(Buffer.alloc(1_000, 0xff)) })]),
    OWN,
  ),
  answering(
    'N2-length-lie',
    'a message of 4 GiB announced',
    CALLS,
    id => join([head(id), frames.data(id, { bytes: Buffer.of(0, 255, 255, 255, 255) })]),
    OWN,
  ),
  answering(
    'N2-many-keys',
    '5,000 keys in an answer',
    CALLS,
    reply(Object.fromEntries(Array.from({ length: 5_000 }, (_, key) => [`k${key}`, '']))),
    OWN,
  ),
  answering(
    'N2-deep-json',
    'bodies of 7,000 levels',
    CALLS,
    reply({}, `${'['.repeat(7_000)}${']'.repeat(7_000)}`),
    OWN,
  ),
  answering(
    'N3-ends-at-once',
    'sockets that end without a word',
    CALLS,
    id => frames.headers(id, frames.headers(id, []).subarray(9), { endStream: true }),
    { connectionsMax: 6 },
  ),
  answering('N3-resets', 'sockets that are reset', CALLS, id => frames.rstStream(id, 2), OWN),
  hostile(
    'N4-unread',
    'answers without end on four streams, of which one is read',
    UNREAD,
    async (socket, attacker) => {
      const id = await first(socket)
      const each = wire(
        { 'Content-Type': 'application/json', 'Micro-Stream': '1', 'Micro-Id': '1' },
        JSON.stringify('x'.repeat(7_000)),
      )
      await socket.send(head(id))
      for (let i = 0; i < attacker.times(4_000); i++) {
        if ((await socket.credit(id, each.length)) < each.length) return
        await socket.send(frames.data(id, { bytes: each }))
      }
    },
    OWN,
  ),
  hostile(
    'N4-nothing',
    '20,000 messages of nothing',
    UNREAD,
    async (socket, attacker) => {
      const id = await first(socket)
      await socket.send(head(id))
      await flood(socket, frames.data(id, { bytes: Buffer.alloc(500) }), attacker.times(200))
    },
    OWN,
  ),
]
