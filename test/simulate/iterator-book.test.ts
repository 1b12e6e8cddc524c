import t from 'tap'
import { IteratorBook } from '../../scripts/simulate/iterator-book.js'

async function* numbers(): AsyncGenerator<number> {
  yield 1
  yield 2
}

t.test('what was read to its end needs no return()', async t => {
  const book = new IteratorBook()
  for await (const _ of book.watch('async', numbers())) {
  }
  for (const _ of book.watchSync('array', [1, 2])) {
  }
  t.strictSame(book.faults(), [])
})

t.test('what was left early is closed once: no time and two times are faults', async t => {
  const book = new IteratorBook()
  for await (const _ of book.watch('left', numbers())) break
  for (const _ of book.watchSync('left array', [1, 2])) break
  t.strictSame(book.faults(), [])
  await book.watch('forgotten', numbers()).next()
  const twice = book.watch('twice', numbers())
  await twice.return?.()
  await twice.return?.()
  book.watchSync('never begun', [1])
  t.strictSame(book.faults(), [
    'forgotten: nobody called return()',
    'twice: return() was called 2 times',
    'never begun: nobody called return()',
  ])
})

t.test('an iterator that has ended or thrown by itself is not closed', async t => {
  const book = new IteratorBook()
  const ended = book.watchSync('ended', [])
  ended.next()
  ended.return?.()
  const thrown = book.watch('thrown', {
    next: () => Promise.reject(new Error('as planned')),
  })
  await t.rejects(thrown.next(), /as planned/)
  t.strictSame(book.faults(), ['ended: return() was called after its end'])
})
