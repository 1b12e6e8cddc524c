import t from 'tap'
import { classifiedStaticTable, classifyNothing, newEntry } from '../../src/hpack/table-entry.js'

t.test('RFC 7541 §4.1: the size of an entry is its octets and 32', t => {
  t.same(newEntry('name', 'value', 3), { name: 'name', value: 'value', size: 41, fieldClass: 3 })
  t.equal(newEntry('', '', 0).size, 32)
  t.end()
})

t.test('the static table is classified once for each classify', t => {
  const byName = (name: string): number => name.length
  t.equal(classifiedStaticTable(byName), classifiedStaticTable(byName))
  t.not(classifiedStaticTable(byName), classifiedStaticTable(classifyNothing))
  t.match(classifiedStaticTable(byName)[1], {
    name: ':method',
    value: 'GET',
    size: 42,
    fieldClass: 7,
  })
  t.match(classifiedStaticTable(classifyNothing)[60], { name: 'www-authenticate', fieldClass: 0 })
  t.end()
})
