import { readFileSync } from 'node:fs'
import t from 'tap'
import { Cases } from '../../scripts/conformance/grpc-js/cases.js'
import {
  adapt,
  differenceOf,
  differencesTable,
} from '../../scripts/conformance/grpc-js/differences.js'

interface Mocha {
  describe(name: string, define: () => void): void
  it: ((name: string, body: (done: (error?: unknown) => void) => unknown) => void) & {
    skip(name: string): void
  }
  before(body: () => unknown): void
  beforeEach(body: () => unknown): void
  afterEach(body: () => unknown): void
}

t.test('docs/migrating-from-grpc-js.md lists what of its tests is not run', async t => {
  t.ok(
    readFileSync('docs/migrating-from-grpc-js.md', 'utf8').includes(differencesTable()),
    `the table is:\n${differencesTable()}`,
  )
  t.ok(differenceOf('test-server', 'Server unbind refuses to unbind port 0'))
  t.notOk(differenceOf('test-server-errors', 'Server unbind refuses to unbind port 0'))
  t.equal(
    adapt('test-server-deadlines', "'Deadline exceeded' /^Invalid grpc-timeout value/")[1],
    'd',
  )
  t.throws(() => adapt('test-server-deadlines', 'changed'), /has no 'Deadline exceeded'/)
})

t.test('cases run with their hooks, and each tells how it ended', async t => {
  const cases = new Cases()
  const { describe, it, before, beforeEach, afterEach } = cases.globals() as unknown as Mocha
  const log: string[] = []
  describe('a', () => {
    before(() => log.push('before'))
    beforeEach(() => log.push('each'))
    afterEach(() => log.push('after each'))
    it('returns', () => {})
    it('throws', () => {
      throw new Error('thrown')
    })
    describe('b', () => {
      it('calls back', done => setImmediate(done))
      it('calls back with an error', done => done(new Error('told')))
      it('throws later', (_done: () => void) => void setImmediate(() => cases.uncaught('late')))
      it('is not wanted', () => t.fail('not wanted'))
      it.skip('is skipped')
    })
  })
  describe('c', () => {
    before(() => Promise.reject(new Error('no start')))
    it('needs it', () => t.fail('not started'))
  })
  const seen: unknown[] = []
  for await (const each of cases.run(name => !name.endsWith('not wanted'))) seen.push(each)
  t.same(seen, [
    { name: 'a returns' },
    { name: 'a throws', error: 'thrown' },
    { name: 'a b calls back' },
    { name: 'a b calls back with an error', error: 'told' },
    { name: 'a b throws later', error: 'late' },
    { name: 'c needs it', error: 'no start' },
  ])
  t.equal(log.filter(each => each === 'before').length, 1)
  t.equal(log.filter(each => each === 'each').length, 5)
  t.equal(log.filter(each => each === 'after each').length, 5, 'after a failure too')
})
