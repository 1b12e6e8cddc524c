import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import t from 'tap'
import { shareInstances } from '../../src/frame/index.js'
import * as grpc from '../../src/grpc/index.js'
import * as hpack from '../../src/hpack/index.js'
import * as ours from '../../src/index.js'
import * as transport from '../../src/transport/index.js'

t.test('errors of another copy of the package are instances of ours, and its own', async t => {
  const compiled = dirname(fileURLToPath(import.meta.resolve('../../src/index.js')))
  // Below node_modules' reach: the copy needs no dependency until something is loaded.
  const folder = mkdtempSync(join(tmpdir(), 'microwire-copy-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  cpSync(compiled, join(folder, 'src'), { recursive: true })
  cpSync(join(compiled, '../../package.json'), join(folder, 'package.json'))
  const load = (name: string) => import(pathToFileURL(join(folder, 'src', name)).href)
  const other = (await load('index.js')) as typeof ours
  const otherTransport = (await load('transport/index.js')) as typeof transport
  const otherHpack = (await load('hpack/index.js')) as typeof hpack
  const otherGrpc = (await load('grpc/index.js')) as typeof grpc
  t.not(other.GrpcError, ours.GrpcError, 'another class')

  const errors = [
    [new other.GrpcError(other.Status.NotFound, 'gone'), ours.GrpcError, other.GrpcError],
    [other.MicroError.notFound('gone'), ours.MicroError, other.MicroError],
    [new other.FieldError('wrong'), ours.FieldError, other.FieldError],
    [
      new otherTransport.TransportError(otherTransport.TransportErrorCode.Closed, 'a', 'b'),
      transport.TransportError,
      otherTransport.TransportError,
    ],
    [new otherHpack.HpackError('HPACK_INDEX', '§6', 'x'), hpack.HpackError, otherHpack.HpackError],
    [
      new otherGrpc.MessageTooLargeError('much'),
      grpc.MessageTooLargeError,
      otherGrpc.MessageTooLargeError,
    ],
  ] as const
  for (const [error, Ours, Theirs] of errors) {
    t.ok(error instanceof Ours, error.name)
    t.ok(error instanceof Theirs)
  }
  t.notOk(errors[0][0] instanceof ours.MicroError, 'and of no other class')
  class Mine extends ours.GrpcError {}
  t.notOk(errors[0][0] instanceof Mine, 'nor of one that extends it')
  t.ok(new Mine(ours.Status.NotFound) instanceof ours.GrpcError)
  t.ok(new Mine(ours.Status.NotFound) instanceof Mine)
  for (const value of [undefined, null, 'text', 5, {}, Object.create(null), new Error('x')]) {
    t.notOk((value as object) instanceof ours.GrpcError)
  }

  // What they carry can be used as well.
  const mixed = new ours.Metadata()
  const theirs = new other.Metadata()
  theirs.append('a', '1')
  theirs.append('a', '2')
  theirs.setBinary('b-bin', Buffer.from([1]))
  mixed.merge(theirs as unknown as ours.Metadata)
  t.same(mixed.getAll('a'), ['1', '2'])
  t.same([...mixed.getBinary('b-bin')!], [1])
  t.same(mixed.keys(), ['a', 'b-bin'], 'each name once')
})

t.test('a shared class knows its own, and nothing else', t => {
  class Plain {}
  shareInstances(Plain, 'test.Plain')
  t.ok(new Plain() instanceof Plain)
  t.notOk({} instanceof Plain)
  t.end()
})
