import {
  BLOCK_MUTATORS,
  type FuzzTarget,
  frameMutators,
  type Mutator,
  OCTET_MUTATORS,
  type Random,
  randomBlock,
  randomClientOctets,
  randomFields,
  randomMessages,
  randomServerOctets,
} from '../src/testing/index.js'

type FuzzModule = Pick<FuzzTarget, 'fuzz'>

/** A target of `npm run fuzz`; its code is loaded when it runs. */
export interface TargetEntry extends Omit<FuzzTarget, 'fuzz'> {
  /** What it is in the list of targets, and what it checks. */
  readonly about: string
  readonly load: () => Promise<FuzzModule>
}

/** An octet that chooses, then what a client sends. */
function clientCase(random: Random): Buffer {
  return Buffer.concat([random.octets(1), randomClientOctets(random)])
}

function serverCase(random: Random): Buffer {
  return Buffer.concat([random.octets(1), randomServerOctets(random)])
}

function frameCase(random: Random): Buffer {
  const octets = random.chance(0.5)
    ? randomClientOctets(random).subarray(24)
    : randomServerOctets(random)
  return Buffer.concat([random.octets(1), octets])
}

function blocksCase(random: Random): Buffer {
  const parts: Buffer[] = []
  for (let count = random.integer(1, 5); count > 0; count--) {
    if (random.chance(0.2)) {
      parts.push(
        Buffer.of(
          7,
          ...random.pick([
            [0, 0],
            [0, 64],
            [1, 0],
            [16, 0],
            [16, 1],
          ]),
        ),
      )
    }
    const block = randomBlock(random, randomFields(random)).subarray(0, 2_047)
    parts.push(Buffer.of(0, block.length >>> 8, block.length & 0xff), block)
  }
  return Buffer.concat(parts)
}

/** Mutators for rows of blocks as `hpack-decoder` reads them: one block changes, its size stays true. */
const BLOCKS_MUTATORS: readonly Mutator[] = [...BLOCK_MUTATORS, ...OCTET_MUTATORS].map(
  mutator =>
    (bytes: Buffer, random: Random, other: Buffer): Buffer => {
      const parts: Buffer[] = []
      for (let at = 0; at < bytes.length; ) {
        const isSize = (bytes[at]! & 7) === 7
        const size = isSize || at + 3 > bytes.length ? 0 : bytes.readUInt16BE(at + 1) % 2_048
        parts.push(bytes.subarray(at, at + 3 + size))
        at += 3 + size
      }
      if (parts.length === 0) return blocksCase(random)
      const index = random.integer(0, parts.length - 1)
      const part = parts[index]!
      if (part.length > 3) {
        const block = mutator(part.subarray(3), random, other).subarray(0, 2_047)
        parts[index] = Buffer.concat([
          Buffer.of(part[0]!, block.length >>> 8, block.length & 0xff),
          block,
        ])
      } else parts.splice(index, 0, random.pick(parts))
      return Buffer.concat(parts)
    },
)

function messagesCase(random: Random): Buffer {
  return Buffer.concat([random.octets(1), randomMessages(random)])
}

/** Octets that decide: short ones first. */
function decisions(random: Random): Buffer {
  return random.octets(random.size(400))
}

/** Text at the edges of UTF-8, and numbers longer than they need be. RFC 3629 §4. */
const TEXTS: readonly string[] = [
  '',
  '61',
  'c3a9',
  'c1bf',
  'e0a080',
  'e09f80',
  'ed9fbf',
  'eda080',
  'f0908080',
  'f48fbfbf',
  'f4908080',
  'ff',
]
const NUMBERS: readonly string[] = [
  '00',
  '8000',
  'ffffffffffffffffff01',
  'ffffffffffffffffff02',
  '8080808080808080808000',
  '8080808080808080808001',
]

/** A message of the transport as protobuf: header entries, a body, fields that nobody knows. */
function messageCase(random: Random): Buffer {
  const fields: Buffer[] = []
  const field = (tag: number, octets: Buffer): Buffer =>
    Buffer.concat([Buffer.of(tag, octets.length), octets])
  for (let count = random.integer(1, 4); count > 0; count--) {
    const text = (): Buffer => Buffer.from(random.pick(TEXTS) + random.pick(TEXTS), 'hex')
    const kind = random.integer(0, 4)
    if (kind < 2)
      fields.push(field(0x0a, Buffer.concat([field(0x0a, text()), field(0x12, text())])))
    else if (kind === 2) fields.push(field(0x12, random.octets(random.size(60))))
    else if (kind === 3)
      fields.push(
        Buffer.of(random.pick([0x08, 0x18, 0x1b])),
        Buffer.from(random.pick(NUMBERS), 'hex'),
      )
    else fields.push(Buffer.of(0x1b, 0x1b, 0x1c, random.pick([0x1c, 0x24])))
  }
  return Buffer.concat([Buffer.of(random.chance(0.8) ? 0 : 1), ...fields])
}

/** T1 to T12 of the plan, in its order, and whole sessions. */
export const TARGETS: readonly TargetEntry[] = [
  {
    name: 'frame-reader',
    about: 'T1 octets as frames, against a second reading of RFC 9113',
    load: () => import('./frame-reader.fuzz.js'),
    generate: frameCase,
    mutators: frameMutators(1),
  },
  {
    name: 'frame-writer',
    about: 'T2 frames written and read back',
    load: () => import('./frame-writer.fuzz.js'),
    generate: decisions,
  },
  {
    name: 'hpack-decoder',
    about: 'T3 header blocks and table sizes, against a second decoder',
    load: () => import('./hpack-decoder.fuzz.js'),
    generate: blocksCase,
    mutators: BLOCKS_MUTATORS,
  },
  {
    name: 'hpack-round-trip',
    about: 'T4 lists encoded and decoded by two decoders',
    load: () => import('./hpack-round-trip.fuzz.js'),
    generate: decisions,
  },
  {
    name: 'huffman',
    about: 'T5 Huffman code, against the code bit by bit',
    load: () => import('./huffman.fuzz.js'),
    generate: random => random.octets(random.size(40)),
    sizeMax: 300,
  },
  {
    name: 'server-connection',
    about: 'T6 octets into a server connection, whole and cut',
    load: () => import('./server-connection.fuzz.js'),
    generate: clientCase,
    mutators: frameMutators(1),
    sizeMax: 16_384,
  },
  {
    name: 'client-connection',
    about: 'T7 octets into a client connection, whole and cut',
    load: () => import('./client-connection.fuzz.js'),
    generate: serverCase,
    mutators: frameMutators(1),
    sizeMax: 16_384,
  },
  {
    name: 'connection-pair',
    about: 'T8 our client and our server, step by step',
    load: () => import('./connection-pair.fuzz.js'),
    generate: decisions,
    sizeMax: 1_024,
  },
  {
    name: 'receive-flow',
    about: 'T9 uploads in any order of their DATA, some of which stall',
    load: () => import('./receive-flow.fuzz.js'),
    generate: decisions,
    sizeMax: 100,
  },
  {
    name: 'http2-peer',
    about: 'T8 our client with a server of node:http2',
    load: () => import('./http2-peer.fuzz.js'),
    generate: decisions,
    sizeMax: 256,
  },
  {
    name: 'message-reader',
    about: 'T9 DATA as gRPC messages, whole and cut, decompressed',
    load: () => import('./message-reader.fuzz.js'),
    generate: messagesCase,
  },
  {
    name: 'compressed-messages',
    about: 'T9 compressed messages of several calls, with slow threads',
    load: () => import('./compressed-messages.fuzz.js'),
    generate: decisions,
    sizeMax: 1_024,
  },
  {
    name: 'grpc-server',
    about: 'T9 octets into a gRPC server: each call settles once',
    load: () => import('./grpc-server.fuzz.js'),
    generate: clientCase,
    mutators: frameMutators(1),
    sizeMax: 16_384,
  },
  {
    name: 'grpc-client',
    about: 'T9 octets into a gRPC client: each call settles once',
    load: () => import('./grpc-client.fuzz.js'),
    generate: serverCase,
    mutators: frameMutators(1),
    sizeMax: 16_384,
  },
  {
    name: 'grpc-text',
    about: 'T10 metadata, base64, percent encoding, timeouts',
    load: () => import('./grpc-text.fuzz.js'),
    generate: decisions,
  },
  {
    name: 'message-codec',
    about: 'T11 protobuf of the transport, against a second reading',
    load: () => import('./message-codec.fuzz.js'),
    generate: messageCase,
  },
  {
    name: 'generated-code',
    about: 'T18 code generated for random schemas, against protobufjs and protobuf-es',
    load: () => import('./generated-code.fuzz.js'),
    generate: decisions,
  },
  {
    name: 'socket-lifecycle',
    about: 'T12 everything a socket can do to its driver',
    load: () => import('./socket-lifecycle.fuzz.js'),
    generate: decisions,
    sizeMax: 1_024,
  },
  {
    name: 'mucp-server',
    about: 'T13 any messages for a mucp server: answered, bounded, nothing escapes',
    load: () => import('./mucp-server.fuzz.js'),
    generate: decisions,
    sizeMax: 300,
  },
  {
    name: 'mucp-client',
    about: 'T14 a hostile mucp backend, for a client and a gateway',
    load: () => import('./mucp-client.fuzz.js'),
    generate: decisions,
    sizeMax: 300,
  },
  {
    name: 'error-json',
    about: 'T15 errors as text: bounded, never thrown',
    load: () => import('./error-json.fuzz.js'),
    generate: decisions,
    sizeMax: 200,
  },
  {
    name: 'registry-records',
    about: 'T16 records that somebody else has written',
    load: () => import('./registry-records.fuzz.js'),
    generate: decisions,
    sizeMax: 200,
  },
  {
    name: 'server-door',
    about: 'T18 handshakes, sockets and accept errors of a server: counted, bounded, told',
    load: () => import('./server-door.fuzz.js'),
    generate: decisions,
    sizeMax: 200,
  },
  {
    name: 'client-session',
    about: 'T17 a whole client, and a server that says anything and leaves',
    load: () => import('./client-session.fuzz.js'),
    generate: random => Buffer.concat([random.octets(3), randomServerOctets(random)]),
    mutators: frameMutators(3),
    sizeMax: 4_096,
  },
]

/** @throws RangeError for a name that no target has. */
export async function loadTarget(name: string): Promise<FuzzTarget> {
  const entry = TARGETS.find(target => target.name === name)
  if (entry === undefined)
    throw new RangeError(
      `no fuzz target is called ${name}; there are ${TARGETS.map(target => target.name).join(', ')}`,
    )
  const { fuzz } = await entry.load()
  const { load, about, ...rest } = entry
  return { ...rest, fuzz }
}
