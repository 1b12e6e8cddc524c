import t from 'tap'
import {
  errorHeader,
  readMucpFields,
  replyHeader,
  requestHeader,
} from '../../src/micro/mucp/header.js'

const read = (header: Record<string, string>) => readMucpFields(new Map(Object.entries(header)))

const FIELDS = [
  ['Stream', 'stream'],
  ['Service', 'service'],
  ['Method', 'method'],
  ['Endpoint', 'endpoint'],
  ['Protocol', 'protocol'],
  ['Target', 'target'],
  ['Topic', 'topic'],
] as const

t.test('micro-wire §3.1: each X-Micro- fall-back, in any case, and the header itself first', t => {
  for (const [name, field] of FIELDS) {
    t.equal(read({ [`X-Micro-${name}`]: 'x' })[field], 'x', name)
    t.equal(read({ [`x-micro-${name.toLowerCase()}`]: 'x' })[field], 'x', name)
    t.equal(read({ [`MICRO-${name.toUpperCase()}`]: 'y' })[field], 'y', name)
    const both = { [`Micro-${name}`]: 'y', [`X-Micro-${name}`]: 'x' }
    t.equal(read(both)[field], 'y', `${name} and its copy`)
    const reversed = { [`X-Micro-${name}`]: 'x', [`Micro-${name}`]: 'y' }
    t.equal(read(reversed)[field], 'y', `the copy of ${name} first`)
    t.equal(read({ [`Micro-${name}`]: '', [`X-Micro-${name}`]: 'x' })[field], 'x', `${name} empty`)
  }
  t.match(read({ 'X-Micro-Id': '1', 'X-Micro-ID': '1', 'X-Micro-Error': 'EOS' }), {
    id: '',
    error: '',
  })
  t.end()
})

t.test('micro-wire Fact 2: either spelling of the id is read, written, and given back', t => {
  t.equal(read({ 'Micro-Id': '1' }).id, '1')
  t.equal(read({ 'Micro-ID': '2' }).id, '2')
  const sent = requestHeader({ service: 'a', endpoint: 'A.B' }, '7', false, 'application/json')
  t.equal(sent.get('Micro-Id'), '7')
  t.equal(sent.get('Micro-ID'), '7')
  t.notOk(sent.has('Micro-Stream'))
  const stream = requestHeader({ service: 'a', endpoint: 'A.B' }, '8', true, 'application/json')
  t.equal(stream.get('Micro-Stream'), '8', 'a stream has the id of its call')
  for (const name of ['Micro-Id', 'Micro-ID']) {
    const reply = replyHeader(new Map([[name, '3']]))
    t.same(
      [...reply],
      [
        [name, '3'],
        [`X-${name}`, '3'],
      ],
      name,
    )
  }
  t.equal(replyHeader(sent).size, 4, 'both, as they came')
  t.end()
})

t.test('an answer never has an empty header: Go panics at a map that is nil', t => {
  t.ok(replyHeader(new Map()).size > 0)
  t.ok(errorHeader(new Map(), 'x').size > 0)
  t.end()
})
