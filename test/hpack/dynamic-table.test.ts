import t from 'tap'
import { DynamicTable } from '../../src/hpack/dynamic-table.js'

interface Numbered {
  readonly id: number
  readonly size: number
}

function dump(table: DynamicTable<Numbered>): number[] {
  return Array.from({ length: table.length }, (_, position) => table.at(position).id)
}

t.test('RFC 7541 §2.3.2: the newest entry is the first, the oldest is evicted first', t => {
  const table = new DynamicTable<Numbered>(1000)
  for (let id = 0; id < 20; id++) table.push({ id, size: 40 })
  t.same(dump(table).slice(0, 3), [19, 18, 17])
  t.equal(table.size, 800)
  t.equal(table.evict().id, 0)
  t.equal(table.evict().id, 1)
  t.equal(table.size, 720)
  t.same(dump(table).at(-1), 2)
  t.end()
})

t.test('entries keep their places while the ring grows and turns over', t => {
  const table = new DynamicTable<Numbered>(Number.MAX_SAFE_INTEGER)
  const model: number[] = []
  let id = 0
  for (let round = 0; round < 60; round++) {
    for (let i = 0; i <= round; i++) {
      table.push({ id, size: 33 })
      model.unshift(id++)
    }
    for (let i = 0; i < round && i < 40; i++) t.equal(table.evict().id, model.pop())
    t.same(dump(table), model)
    t.equal(table.size, 33 * model.length)
  }
  t.equal(table.insertCount, id)
  t.end()
})

t.test('RFC 7541 §4.4: an entry overflows when the sizes would pass the bound', t => {
  const table = new DynamicTable<Numbered>(100)
  table.push({ id: 0, size: 60 })
  t.equal(table.overflows(40), false)
  t.equal(table.overflows(41), true)
  table.resize(59)
  t.equal(table.sizeMax, 59)
  t.equal(table.overflows(0), true)
  t.end()
})
