import * as grpc from '@grpc/grpc-js'
import t from 'tap'
import { Metadata } from '../../src/compat/index.js'

t.test('metadata does what that of grpc-js does', t => {
  const ours = new Metadata()
  const theirs = new grpc.Metadata()
  for (const metadata of [ours, theirs]) {
    metadata.set('Key', 'one')
    metadata.add('key', 'two')
    metadata.set('x-bin', Buffer.from([0, 255]))
    metadata.set('gone', 'x')
    metadata.remove('GONE')
  }
  t.strictSame(ours.get('KEY'), theirs.get('KEY'))
  t.strictSame(ours.getMap(), theirs.getMap())
  t.strictSame(ours.toJSON(), theirs.toJSON())
  const copy = ours.clone()
  copy.merge(theirs)
  t.strictSame(copy.get('key'), ['one', 'two', 'one', 'two'])
  t.strictSame(ours.get('key'), ['one', 'two'])
  t.throws(() => ours.set('a b', 'x'), TypeError)
  t.throws(() => ours.set('text', Buffer.from('x')), TypeError)
  t.end()
})
