import t from 'tap'
import { FieldHistory } from '../../src/hpack/field-history.js'

t.test('a field is recalled at its second sight', t => {
  const history = new FieldHistory()
  t.equal(history.recall('x-tenant', 'blue'), false)
  t.equal(history.recall('x-tenant', 'blue'), true)
  t.equal(history.recall('x-tenant', 'green'), false)
  t.equal(history.recall('x-tenant', ''), false)
  t.equal(history.recall('x-tenant', ''), true)
  t.equal(history.recall('x-tenanu', 'blue'), false, 'the name counts too')
  t.end()
})

t.test('values that never return are never recalled, and those between them are', t => {
  const history = new FieldHistory()
  let recalled = 0
  for (let id = 0; id < 10_000; id++) {
    if (history.recall('x-request-id', `request ${id}`)) t.fail(`request ${id}`)
    if (history.recall('x-tenant', 'blue')) recalled++
  }
  t.ok(recalled > 9000, `${recalled} of 10,000`)
  t.end()
})
