import { HpackDecoder, HpackError, HpackLimitError } from '../src/hpack/index.js'
import { OctetSource } from '../src/testing/index.js'
import { OracleDecoder } from './hpack-oracle.js'
import { invariant, sameLines } from './invariant.js'

// T3: blocks and table sizes into one decoder, and into a second one that shares nothing with it.

const INTEGER_MAX = 0x0fff_ffff
/** Large enough that limits of ours do not hide what the RFC says. */
const LIST_SIZE_MAX = 1 << 20

/**
 * Octets: a kind, then for 7 (mod 8) a new table size of two octets, else a
 * block after its size in two octets.
 */
export function fuzz(data: Buffer): void {
  const source = new OctetSource(data)
  const decoder = new HpackDecoder({ listSizeMax: LIST_SIZE_MAX, fieldsMax: 100_000 })
  const oracle = new OracleDecoder({ integerMax: INTEGER_MAX, updatesMax: 2 })
  while (source.left > 0) {
    if ((source.octet() & 7) === 7) {
      const size = source.number(2)
      decoder.setTableSizeMax(size)
      oracle.setLimit(size)
      continue
    }
    const block = Buffer.from(source.octets(source.number(2) % 2_048))
    const expected = attempt(() => oracle.decode(block))
    const decoded = attempt(() => decoder.decodeList(block))
    if (expected === undefined || decoded === undefined) {
      invariant(
        expected === decoded,
        'I-HPACK both accept a block or neither',
        () => `ours ${decoded}, second ${expected}`,
      )
      invariant(
        attempt(() => decoder.decodeList(Buffer.of(0x82))) === undefined,
        'B7 a decoder works on after an error',
      )
      return
    }
    sameLines(decoded, expected, 'I-HPACK both read the same fields')
    checkTables(decoder, oracle)
    block.fill(0xaa)
  }
}

/** Undefined when the block is refused. Anything but an error of HPACK is passed on. */
function attempt(run: () => string[]): string[] | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof HpackLimitError) throw error
    if (error instanceof HpackError || (error as Error).name === 'OracleError') return undefined
    throw error
  }
}

/** Both tables hold the same entries, and the size is their sum. */
export function checkTables(
  decoder: Pick<HpackDecoder, 'tableSize' | 'tableCapacity' | 'tableLength' | 'tableEntry'>,
  oracle: OracleDecoder,
): void {
  invariant(
    decoder.tableSize === oracle.size,
    'I-HPACK table size is the sum of its entries',
    () => `${decoder.tableSize}, ${oracle.size}`,
  )
  invariant(decoder.tableSize <= decoder.tableCapacity, 'I-HPACK table size is within its bound')
  invariant(decoder.tableLength === oracle.table.length, 'I-HPACK tables have the same length')
  for (const [position, [name, value]] of oracle.table.entries()) {
    const entry = decoder.tableEntry(position)
    invariant(entry?.name === name && entry.value === value, 'I-HPACK tables hold the same entries')
  }
}
