import fc from 'fast-check'
import t from 'tap'
import { StreamMap } from '../../src/connection/streams/stream-map.js'
import type { StreamRecord } from '../../src/connection/streams/stream-record.js'

/** All that the map looks at. */
function streamOf(id: number): StreamRecord {
  return { id } as StreamRecord
}

t.test('finds streams by identifier, and only those it holds', t => {
  const map = new StreamMap()
  t.same(map.snapshot(), [])
  const [one, three] = [streamOf(1), streamOf(3)]
  map.add(one)
  map.add(three)
  t.equal(map.get(1), one)
  t.equal(map.get(3), three)
  t.equal(map.get(33), undefined, 'the same slot is not the same stream')
  t.equal(map.get(2 ** 31 - 1), undefined)
  t.equal(map.size, 2)
  map.remove(one)
  map.remove(one)
  map.remove(streamOf(3))
  t.equal(map.size, 1, 'only what it holds can be removed')
  t.equal(map.get(1), undefined)
  t.end()
})

t.test('a snapshot is in order and does not mind changes', t => {
  const map = new StreamMap()
  for (const id of [301, 5, 1, 65_537, 3]) map.add(streamOf(id))
  const snapshot = map.snapshot()
  t.same(
    snapshot.map(stream => stream.id),
    [1, 3, 5, 301, 65_537],
  )
  for (const stream of snapshot) map.remove(stream)
  t.equal(map.size, 0)
  t.equal(snapshot.length, 5)
  t.end()
})

t.test('identifiers that meet in the largest ring are all kept', t => {
  const map = new StreamMap()
  const ids = [1, 1 + 131_072, 1 + 2 * 131_072, 1 + 3 * 131_072]
  const streams = ids.map(streamOf)
  for (const stream of streams) map.add(stream)
  t.equal(map.size, 4)
  for (const stream of streams) t.equal(map.get(stream.id), stream)
  t.same(
    map.snapshot().map(stream => stream.id),
    ids,
  )
  map.remove(streams[3]!)
  map.remove(streams[1]!)
  t.equal(map.size, 2)
  t.same([map.get(ids[0]!), map.get(ids[1]!), map.get(ids[3]!)], [streams[0], undefined, undefined])
  t.end()
})

t.test('two streams far apart do not make a connection keep half a megabyte', t => {
  const maps: StreamMap[] = []
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 100; i++) {
    const map = new StreamMap()
    map.add(streamOf(1))
    map.add(streamOf(131_073))
    maps.push(map)
  }
  const perMap = (process.memoryUsage().heapUsed - before) / maps.length
  t.ok(perMap < 65_536, `${Math.round(perMap)} octets each`)
  t.end()
})

t.test('model: the same as a Map, with long-lived streams among short ones', t => {
  const step = fc.record({
    skip: fc.oneof(fc.constant(0), fc.nat(40), fc.constant(65_535), fc.constant(131_071)),
    removes: fc.array(fc.nat(1_000), { maxLength: 2 }),
  })
  const property = fc.property(fc.array(step, { maxLength: 200, size: 'max' }), steps => {
    const map = new StreamMap()
    const model = new Map<number, StreamRecord>()
    let id = 1
    for (const { skip, removes } of steps) {
      id += 2 * (skip + 1)
      const stream = streamOf(id)
      map.add(stream)
      model.set(id, stream)
      for (const index of removes) {
        const gone = [...model.values()][index % Math.max(model.size, 1)]
        if (gone === undefined) continue
        map.remove(gone)
        model.delete(gone.id)
        if (map.get(gone.id) !== undefined) return false
      }
      if (map.size !== model.size) return false
    }
    for (const stream of model.values()) if (map.get(stream.id) !== stream) return false
    return map.snapshot().every((stream, i) => stream === [...model.values()][i])
  })
  fc.assert(property, { seed: 511, numRuns: 60 })
  t.end()
})
