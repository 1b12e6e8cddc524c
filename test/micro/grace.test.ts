import t from 'tap'
import { Grace } from '../../src/micro/async/grace.js'
import { FakeRuntime, settle } from './fake-runtime.js'

t.test('a grace ends in its time', async t => {
  const runtime = new FakeRuntime()
  const grace = new Grace(runtime, 100)
  const told: string[] = []
  grace.whenOver(() => told.push('over'))
  runtime.advance(99)
  t.equal(grace.restMs, 1)
  t.same(told, [])
  runtime.advance(1)
  t.same(told, ['over'])
  grace.whenOver(() => told.push('late'))
  t.same(told, ['over', 'late'])
  await grace.over
  t.equal(grace.shorten(0), false)
})

t.test('a grace is shortened, never prolonged', t => {
  const runtime = new FakeRuntime()
  const grace = new Grace(runtime, 10_000)
  const rests: number[] = []
  let isOver = false
  grace.whenOver(() => {
    isOver = true
  })
  grace.whenShortened(restMs => rests.push(restMs))
  runtime.advance(1_000)
  t.equal(grace.shorten(20_000), false)
  t.equal(grace.shorten(500), true)
  t.same(rests, [500])
  runtime.advance(500)
  t.equal(isOver, true)
  t.equal(runtime.timerCount, 0)
  t.end()
})

t.test('a grace without end ends when it is shortened', t => {
  const runtime = new FakeRuntime()
  const grace = new Grace(runtime, Number.POSITIVE_INFINITY)
  let isOver = false
  grace.whenOver(() => {
    isOver = true
  })
  runtime.advance(2 ** 32)
  t.equal(isOver, false)
  t.equal(grace.shorten(0), true)
  runtime.advance(0)
  t.equal(isOver, true)
  t.end()
})

t.test('a grace that is closed leaves no timer and never ends', async t => {
  const runtime = new FakeRuntime()
  const grace = new Grace(runtime, 100)
  let isOver = false
  grace.over.then(() => {
    isOver = true
  })
  grace.close()
  t.equal(runtime.timerCount, 0)
  t.equal(grace.shorten(1), false)
  runtime.advance(200)
  await settle()
  t.equal(isOver, false)
})
