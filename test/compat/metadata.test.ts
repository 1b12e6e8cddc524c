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

t.test('options and headers of node:http2 are as in grpc-js', t => {
  const metadata = new Metadata({ waitForReady: true })
  const theirs = new grpc.Metadata()
  for (const each of [metadata, theirs]) {
    each.add('A', 'b')
    each.add('c-bin', Buffer.from('x'))
    each.add('c-bin', Buffer.from('y'))
  }
  t.same(metadata.getOptions(), { waitForReady: true })
  t.same(metadata.clone().getOptions(), { waitForReady: true })
  metadata.setOptions({ corked: true })
  t.same(metadata.getOptions(), { corked: true })
  const headers = { a: 'b', 'c-bin': ['eA==', 'eQ=='] }
  t.strictSame(metadata.toHttp2Headers(), headers)
  t.strictSame(theirs.toHttp2Headers(), headers)
  t.same(Metadata.fromHttp2Headers({ ':path': '/x', ...headers }).toJSON(), metadata.toJSON())
  t.same(Metadata.fromHttp2Headers({ 'c-bin': 'eA==,eQ==' }).get('c-bin').map(String), ['x', 'y'])
  t.throws(() => new Metadata({ waitForready: true } as never), /did you mean waitForReady\?/)
  t.throws(() => metadata.setOptions({ corked: 1 } as never), /corked is a number/)
  t.end()
})
