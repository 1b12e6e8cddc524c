import t from 'tap'
import { Fuzzer, type FuzzTarget, failureKind } from '../../src/testing/index.js'

/** A lock of four octets that a blind search would not open: each right one passes a new place. */
function lock(counters: Uint8Array): FuzzTarget {
  return {
    name: 'lock',
    fuzz(bytes) {
      let place = 0
      for (const octet of Buffer.from('lock')) {
        if (bytes[place] !== octet) return
        counters[++place]!++
      }
      throw new Error('the lock is open')
    },
  }
}

t.test('coverage guides: a lock opens octet by octet', async t => {
  const counters = new Uint8Array(8)
  const fuzzer = new Fuzzer(lock(counters), { seed: 1, counters })
  const finding = await fuzzer.run(200_000)
  t.match(finding?.error, { message: 'the lock is open' })
  t.equal(finding?.bytes.toString('latin1', 0, 4), 'lock')
  t.ok(fuzzer.corpusSize >= 4)
  t.ok(fuzzer.featureCount >= 3)
  t.same(await fuzzer.minimize(finding!), Buffer.from('lock'))
})

t.test('without coverage the same search stays blind', async t => {
  const fuzzer = new Fuzzer(lock(new Uint8Array(8)), { seed: 1 })
  t.equal(await fuzzer.run(20_000), undefined)
  t.equal(fuzzer.runs, 20_000)
})

t.test('one seed, the same target: the same inputs', async t => {
  const rows: string[][] = []
  for (const seed of [5, 5, 6]) {
    const row: string[] = []
    const target: FuzzTarget = {
      name: 'row',
      fuzz: bytes => void row.push(bytes.toString('hex')),
      seeds: [Buffer.from('seed')],
      generate: random => random.octets(8),
      mutators: [bytes => Buffer.concat([bytes, bytes])],
      sizeMax: 64,
    }
    await new Fuzzer(target, { seed }).run(200)
    rows.push(row)
  }
  t.same(rows[0], rows[1])
  t.notSame(rows[0], rows[2])
  t.equal(rows[0]![0], Buffer.from('seed').toString('hex'), 'seeds come first')
  t.ok(
    rows[0]!.every(hex => hex.length <= 128),
    'inputs are cut',
  )
})

t.test('what is kept is told, and may be given to the next run', async t => {
  const counters = new Uint8Array(8)
  const kept: Buffer[] = []
  const fuzzer = new Fuzzer(lock(counters), { counters, onKept: bytes => void kept.push(bytes) })
  await fuzzer.run(200_000)
  t.ok(kept.some(bytes => bytes.toString('latin1', 0, 3) === 'loc'))
  const second = new Fuzzer(lock(counters), { counters, corpus: kept })
  await second.run(kept.length)
  t.equal(second.corpusSize, kept.length)
})

t.test('a promise that rejects is a finding', async t => {
  const target: FuzzTarget = { name: 'late', fuzz: () => Promise.reject(new TypeError('late 17')) }
  const finding = await new Fuzzer(target).run(1)
  t.equal(failureKind(finding?.error), 'TypeError: late #')
})

t.test('the kind of a failure has no numbers and one line', t => {
  t.equal(failureKind(new RangeError('12 of 0xff\nmore')), 'RangeError: # of #')
  t.equal(failureKind('text'), 'string')
  t.throws(() => new Fuzzer(lock(new Uint8Array(8)), { counters: new Uint8Array(7) }), RangeError)
  t.end()
})
