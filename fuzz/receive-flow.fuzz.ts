import { inspect } from '../src/connection/connection.js'
import { OctetSource } from '../src/testing/index.js'
import { FlowModel, type Scheduler } from '../test/support/flow-model.js'
import { invariant } from './invariant.js'

// T9: uploads of any sizes whose DATA comes in any order, some of which stall: the others complete, and memory is bounded.

const SCHEDULERS: readonly Scheduler[] = ['fifo', 'lifo', 'round-robin', 'random']
const SIZES: readonly number[] = [1, 1_000, 65_535, 65_536, 100_000, 200_000, 300_000, 524_288]
const LIMITS = { streamWindowSize: 65_535, receiveBufferMax: 1 << 20 }

/** Octets 0 to 2: the path. Then three for each upload, and what the random scheduler takes. */
export function fuzz(data: Buffer): void {
  const source = new OctetSource(data)
  const scheduler = source.pick(SCHEDULERS)
  const roundSize = source.pick([20_000, 100_000, 2_000_000])
  let seed = source.octet()
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff
    return (seed >>> 8) % below
  }
  const model = new FlowModel({ limits: LIMITS, scheduler, roundSize, random })
  let startsAt = 0
  let total = 0
  let stalled = 0
  while (source.left > 0 && model.uploads.length < 24) {
    const size = source.pick(SIZES)
    startsAt += source.integer(0, 3)
    const kind = source.octet()
    // What stalls holds less in all than may be held: nobody has to go.
    const stopsAt = 1 + (kind & 0x0f) * 6_000
    const stalls = kind >= 0xc0 && size > 100_000 && stalled < 20
    if (stalls) stalled++
    total += size
    model.add(stalls ? { size, stopsAt, startsAt } : { size, startsAt })
  }
  const waits = model.uploads.length * 3 * (stalled + 1)
  model.run(20 + startsAt + Math.ceil((total / Math.min(roundSize, 65_535)) * 2) + waits)
  for (const { id, size, doneAt, stopsAt, resetText } of model.uploads) {
    invariant(resetText === undefined, 'I-FC nobody honest is reset', () => `${id}: ${resetText}`)
    invariant(
      doneAt !== undefined || stopsAt !== undefined,
      'I-FC what does not stall completes',
      () => `${id} of ${size}, ${model.round} round trips`,
    )
  }
  invariant(model.slackMin >= 0, 'I-BOUND what is held has a bound', () => `${model.retainedPeak}`)
  if (stalled > 0) return
  const { loans, retained } = inspect(model.connection).receiver
  const left = loans.promised + loans.held + loans.waiting + retained
  invariant(left === 0, 'I-FC every loan goes back', () => `${left}`)
}
