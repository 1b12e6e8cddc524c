import fc from 'fast-check'
import t from 'tap'
import { inspect } from '../../src/connection/connection.js'
import { FlowModel, type Scheduler } from '../support/flow-model.js'

const SCHEDULERS: readonly Scheduler[] = ['fifo', 'lifo', 'round-robin', 'random']
/** A pool of 512 KiB, which messages of the sizes below fill as those of 4 MiB fill the default one. */
const LIMITS = { streamWindowSize: 65_535, receiveBufferMax: 1 << 20 }

function randomOf(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
    return (state >>> 8) % below
  }
}

for (const scheduler of SCHEDULERS) {
  t.test(
    `Progress, Bound: messages of any sizes complete in any order of their DATA: ${scheduler}`,
    t => {
      const sizes = fc.array(fc.oneof(fc.nat(1_000), fc.nat(200_000), fc.nat(512 * 1024)), {
        minLength: 1,
        maxLength: 40,
        size: 'max',
      })
      const property = fc.property(
        sizes,
        fc.constantFrom(20_000, 100_000, 1_000_000),
        fc.nat(10),
        fc.nat(1_000_000),
        (list, roundSize, span, seed) => {
          const random = randomOf(seed)
          const model = new FlowModel({ limits: LIMITS, scheduler, roundSize, random })
          const starts = list.map(() => random(span + 1)).sort((one, other) => one - other)
          list.forEach((size, at) => {
            model.add({ size: size + 1, startsAt: starts[at]! })
          })
          const total = list.reduce((sum, size) => sum + size + 1, 0)
          // Full rounds for all of it, and two more for each loan that had to be asked for.
          model.run(20 + Math.ceil((total / Math.min(roundSize, 65_535)) * 2) + list.length * 3)
          const reset = model.uploads.find(({ resetText }) => resetText !== undefined)
          if (reset !== undefined) throw new Error(`reset ${reset.id}: ${reset.resetText}`)
          const left = model.uploads.filter(({ doneAt }) => doneAt === undefined)
          if (left.length > 0) throw new Error(`${left.length} of ${list.length} do not complete`)
          const { loans } = inspect(model.connection).receiver
          return model.slackMin >= 0 && loans.promised === 0 && loans.held === 0
        },
      )
      fc.assert(property, { seed: 14_1, numRuns: 25 })
      t.end()
    },
  )
}

for (const scheduler of SCHEDULERS) {
  t.test(
    `Progress: messages larger than the pool, and than receiveBufferMax, many at once: ${scheduler}`,
    t => {
      const { receiveBufferMax } = LIMITS
      const sizes = fc.array(
        fc.oneof(
          fc.integer({ min: receiveBufferMax / 2, max: receiveBufferMax }),
          fc.integer({ min: receiveBufferMax, max: 3 * receiveBufferMax }),
          fc.nat(100_000),
        ),
        { minLength: 2, maxLength: 16, size: 'max' },
      )
      const property = fc.property(
        sizes,
        fc.constantFrom(100_000, 1_000_000, 10_000_000),
        fc.nat(10),
        fc.nat(1_000_000),
        (list, roundSize, span, seed) => {
          const random = randomOf(seed)
          const model = new FlowModel({ limits: LIMITS, scheduler, roundSize, random })
          for (const size of list) {
            // Of some the handler begins to read when the message has begun to come, or has come.
            const late = random(2) === 0 ? {} : { readsAt: random(span + 1) * 2 + 1 }
            model.add({ size: size + 1, ...late })
          }
          const total = list.reduce((sum, size) => sum + size + 1, 0)
          model.run(60 + Math.ceil((total / Math.min(roundSize, 65_535)) * 2) + list.length * 3)
          const reset = model.uploads.find(({ resetText }) => resetText !== undefined)
          if (reset !== undefined) throw new Error(`reset ${reset.id}: ${reset.resetText}`)
          const left = model.uploads.filter(({ doneAt }) => doneAt === undefined)
          if (left.length > 0) throw new Error(`${left.length} of ${list.length} do not complete`)
          const { loans } = inspect(model.connection).receiver
          return model.slackMin >= 0 && loans.promised === 0 && loans.held === 0
        },
      )
      fc.assert(property, { seed: 14_3, numRuns: 25 })
      t.end()
    },
  )
}

t.test('Isolation: what stalls delays nobody by more than one round trip', t => {
  const property = fc.property(
    fc.array(
      fc.oneof(
        fc.nat(512 * 1024),
        fc.nat(10).map(count => count * 16_384),
      ),
      {
        minLength: 1,
        maxLength: 12,
      },
    ),
    fc.array(fc.nat(400_000), { minLength: 1, maxLength: 4 }),
    fc.constantFrom(...SCHEDULERS),
    fc.nat(1_000_000),
    (stalled, bystanders, scheduler, seed) => {
      const random = randomOf(seed)
      const roundSize = 10_000_000
      const model = new FlowModel({ limits: LIMITS, scheduler, roundSize, random })
      // They stop anywhere; half of the rest is complete and nobody reads it.
      for (const stopsAt of stalled) {
        if (random(3) > 0) model.add({ size: 512 * 1024 + 1, stopsAt: Math.min(stopsAt, 80_000) })
        else model.add({ size: stopsAt + 1, isUnread: true })
      }
      for (let i = 0; i < 40; i++) model.step()
      let worst = 0
      for (const size of bystanders) {
        const upload = model.add({ size: size + 1, startsAt: model.round })
        const { round } = model
        for (let i = 0; i < 60 && upload.doneAt === undefined; i++) model.step()
        if (upload.doneAt === undefined) throw new Error(`a bystander of ${size} waits for ever`)
        // Its own: one for the window of its stream, one for the loan.
        const own = size >= 65_535 ? 2 : 1
        worst = Math.max(worst, upload.doneAt - round - own)
      }
      const reset = model.uploads.find(({ resetText }) => resetText !== undefined)
      if (reset !== undefined) throw new Error(`reset ${reset.id}: ${reset.resetText}`)
      if (worst > 1) throw new Error(`delayed by ${worst} round trips`)
      return model.slackMin >= 0
    },
  )
  fc.assert(property, { seed: 14_2, numRuns: 150 })
  t.end()
})

t.test('Bound: uploads that stall never hold more than the limits say; bystanders complete', t => {
  for (const seed of [1, 2, 3, 4]) {
    const random = randomOf(seed)
    const model = new FlowModel({
      limits: LIMITS,
      scheduler: SCHEDULERS[seed % 4]!,
      roundSize: 1_000_000,
      random,
    })
    for (let i = 0; i < 30; i++) {
      model.add({ size: 500_000, stopsAt: 100_000 + random(390_000), startsAt: i * 2 })
      model.add({ size: 1 + random(300_000), startsAt: i * 2 + 1 })
    }
    model.run(1_000)
    for (const { id, doneAt, stopsAt, resetText } of model.uploads) {
      if (stopsAt === undefined) t.ok(doneAt !== undefined, `${id} is whole`)
      else if (resetText !== undefined) t.match(resetText, /limits\.receiveBufferMax is 1048576/)
    }
    t.ok(model.slackMin >= 0, `${model.retainedPeak} octets were held at most`)
    t.ok(
      model.uploads.some(({ resetText }) => resetText !== undefined),
      'some had to go',
    )
  }
  t.end()
})

t.test('an honest peer of 60 messages of 4 MiB loses none, at the limits as they are', t => {
  for (const scheduler of SCHEDULERS) {
    const random = randomOf(7)
    const model = new FlowModel({ limits: {}, scheduler, roundSize: 8_000_000, random })
    for (let i = 0; i < 60; i++) model.add({ size: 4_194_304 })
    model.run(400)
    t.same(
      model.uploads.filter(({ doneAt }) => doneAt === undefined).length,
      0,
      `${scheduler}: all are whole`,
    )
    t.ok(model.retainedPeak < 60_000_000, `${model.retainedPeak} octets were held at most`)
  }
  t.end()
})
