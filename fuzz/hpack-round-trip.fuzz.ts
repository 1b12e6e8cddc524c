import { HpackDecoder, HpackEncoder } from '../src/hpack/index.js'
import { OctetSource } from '../src/testing/index.js'
import { checkTables } from './hpack-decoder.fuzz.js'
import { OracleDecoder } from './hpack-oracle.js'
import { invariant, sameLines } from './invariant.js'

// T4: what our encoder writes is read by our decoder and by a second one, table sizes changing in between.

const NAMES: readonly string[] = [
  ':method',
  ':path',
  ':status',
  ':authority',
  'content-type',
  'te',
  'cookie',
  'authorization',
  'x-a',
  'x-b',
  'trace-bin',
  'x-token',
  'x-api-key',
  'x-session-id',
  'x-jwt',
  'x-secret',
  'grpcgateway-authorization',
  'grpc-timeout',
  'date',
  '__proto__',
  'constructor',
  '7',
  '',
]
/** Whose values no table may hold. RFC 7541 §7.1.3; cookies that are too long to be guessed may be (§7.1). */
const SECRET: ReadonlySet<string> = new Set([
  'authorization',
  'x-token',
  'x-api-key',
  'x-session-id',
  'x-jwt',
  'x-secret',
  'grpcgateway-authorization',
])
const VALUES: readonly string[] = [
  '',
  'GET',
  '200',
  '/',
  'application/grpc',
  'trailers',
  'a',
  'b',
  'abcdefgh',
  'x'.repeat(1_500),
]
const SIZES: readonly number[] = [0, 31, 32, 64, 100, 200, 4_095, 4_096, 4_097, 0xffff_ffff]

/** Octet 0: the encoder's policy and bound. Then steps: a table size, or a list. */
export function fuzz(data: Buffer): void {
  const source = new OctetSource(data)
  const options = source.octet()
  const encoder = new HpackEncoder({ policy: (options & 1) === 0 ? 'fast' : 'compact' })
  const decoder = new HpackDecoder({ listSizeMax: 1 << 24 })
  const oracle = new OracleDecoder({ integerMax: 0x0fff_ffff, updatesMax: 2 })
  while (source.left > 0) {
    const step = source.octet()
    if ((step & 7) === 0) {
      const size = source.pick(SIZES)
      encoder.setTableSizeMax(size)
      // The peer's decoder is bound by its own setting; ours takes less than it grants.
      decoder.setTableSizeMax(size)
      oracle.setLimit(size)
      continue
    }
    const list = listOf(source, step >>> 4)
    const target = Buffer.alloc(encoder.encodedSizeMax(list) + 1, 0x5a)
    const { generation } = encoder
    const end = encoder.encode(list, target, 0)
    invariant(
      end < target.length && target[target.length - 1] === 0x5a,
      'I-BOUND encodedSizeMax is a bound',
    )
    const block = target.subarray(0, end)
    sameLines(oracle.decode(block), list, 'I-RT a second decoder reads our block')
    sameLines(decoder.decodeList(block), list, 'I-RT our decoder reads our block')
    checkTables(decoder, oracle)
    checkTables(encoder, oracle)
    for (let at = 0; at < encoder.tableLength; at++) {
      const { name, value } = encoder.tableEntry(at)!
      invariant(!SECRET.has(name) || value === '', 'T4 no table holds a secret', () => name)
    }
    if (encoder.generation !== generation) continue
    // A block that changed nothing may be sent again (HeaderWriter does).
    sameLines(oracle.decode(block), list, 'I-RT a block is sent again while the generation stands')
    sameLines(
      decoder.decodeList(block),
      list,
      'I-RT a block is sent again while the generation stands',
    )
  }
}

function listOf(source: OctetSource, count: number): string[] {
  const list: string[] = []
  for (let i = 0; i < count; i++) {
    const name = source.pick(NAMES)
    const value = source.flag() ? source.pick(VALUES) : source.block().toString('latin1')
    list.push(name, value)
  }
  return list
}
