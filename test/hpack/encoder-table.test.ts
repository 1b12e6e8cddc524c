import t from 'tap'
import { EncoderTable } from '../../src/hpack/encoder-table.js'
import { Random } from '../support/random.js'

t.test('RFC 7541 §2.3.3: indexes begin at 62 with the newest entry', t => {
  const table = new EncoderTable(4096)
  table.insert('a', '1')
  table.insert('b', '1')
  table.insert('a', '2')
  t.equal(table.findField('a', '1'), 64)
  t.equal(table.findField('b', '1'), 63)
  t.equal(table.findField('a', '2'), 62)
  t.equal(table.findField('b', '2'), 0)
  t.equal(table.findName('a'), 62, 'the newest of that name')
  t.equal(table.findName('b'), 63)
  t.equal(table.findName('c'), 0)
  t.equal(table.newestOf('a')?.nameCount, 2)
  t.equal(table.newestOf('a')?.nameSize, 68)
  t.end()
})

t.test('RFC 7541 §4.4: an entry larger than the table empties it', t => {
  const table = new EncoderTable(60)
  table.insert('a', '1')
  table.insert('b', 'x'.repeat(30))
  t.equal(table.length, 0)
  t.equal(table.findName('a'), 0)
  t.equal(table.findField('a', '1'), 0)
  t.end()
})

t.test('what is evicted is never found, and what is kept always is', t => {
  const random = new Random(62)
  const table = new EncoderTable(400)
  let model: [name: string, value: string][] = []
  const trim = (): void => {
    let size = 0
    const kept = model.findIndex(([name, value]) => {
      size += name.length + value.length + 32
      return size > table.sizeMax
    })
    if (kept >= 0) model = model.slice(0, kept)
  }
  for (let i = 0; i < 3000; i++) {
    const name = `n${random.integer(0, 5)}`
    const value = `${random.integer(0, 9)}`.repeat(random.integer(1, 20))
    if (random.chance(0.02)) {
      table.resize(random.pick([0, 50, 200, 400]))
    } else if (random.chance(0.01)) {
      table.clear()
      model = []
    } else {
      table.insert(name, value)
      model.unshift([name, value])
    }
    trim()
    if (table.length !== model.length) t.fail(`step ${i}: ${table.length} entries`)
    for (const [position, [modelName, modelValue]] of model.entries()) {
      const entry = table.at(position)
      if (entry.name !== modelName || entry.value !== modelValue) t.fail(`step ${i}: order`)
    }
    for (let n = 0; n <= 5; n++) {
      const first = model.findIndex(([modelName]) => modelName === `n${n}`)
      if (table.findName(`n${n}`) !== (first < 0 ? 0 : 62 + first)) t.fail(`step ${i}: name ${n}`)
    }
    const first = model.findIndex(([n, v]) => n === name && v === value)
    if (table.findField(name, value) !== (first < 0 ? 0 : 62 + first)) t.fail(`step ${i}: field`)
  }
  t.end()
})
