import { Readable } from 'node:stream'
import t from 'tap'
import { discardMessages, MessageSource } from '../../src/micro/async/message-source.js'
import { settle } from './fake-runtime.js'

type Value = unknown

/** An iterator that counts its `return()`. `next` gives what `values` has, then whatever `last` says. */
function counted(
  values: Value[],
  last: () => Promise<IteratorResult<Value>>,
  returned?: () => unknown,
) {
  const seen = { returns: 0, nexts: 0 }
  const iterator = {
    async next(): Promise<IteratorResult<Value>> {
      seen.nexts++
      const value = values.shift()
      return value === undefined ? await last() : { done: false, value }
    },
    return(): unknown {
      seen.returns++
      return returned === undefined ? Promise.resolve({ done: true, value: undefined }) : returned()
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
  return { seen, iterator }
}

const end = async (): Promise<IteratorResult<Value>> => ({ done: true, value: undefined })
const never = (): Promise<never> => new Promise(() => undefined)
const fail = async (): Promise<never> => {
  throw new Error('the source failed')
}

t.test('an iterator that ends by itself is not closed', async t => {
  const { seen, iterator } = counted([1, 2], end)
  const taken: Value[] = []
  const source = new MessageSource(iterator, 'messages')
  t.equal(
    await source.pump(message => {
      taken.push(message)
      return undefined
    }),
    true,
  )
  source.close()
  await settle()
  t.same(taken, [1, 2])
  t.equal(seen.returns, 0)
})

t.test('an iterator that throws is not closed', async t => {
  const { seen, iterator } = counted([1], fail)
  const source = new MessageSource(iterator, 'messages')
  await t.rejects(
    source.pump(() => undefined),
    { message: 'the source failed' },
  )
  source.close()
  await settle()
  t.equal(seen.returns, 0)
})

t.test(
  'an iterator is closed once when nobody wants the rest, however often that is said',
  async t => {
    const { seen, iterator } = counted([1, 2, 3], end)
    const source = new MessageSource(iterator, 'messages')
    t.equal(
      await source.pump(() => {
        source.close()
        source.close()
        return undefined
      }),
      false,
    )
    source.close()
    await settle()
    t.same(seen, { returns: 1, nexts: 1 })
  },
)

t.test(
  'an iterator is closed once when a message cannot be taken, and the reason is told',
  async t => {
    for (const take of [
      () => {
        throw new Error('no room')
      },
      () => Promise.reject(new Error('no room')),
    ]) {
      const { seen, iterator } = counted([1, 2], end)
      const source = new MessageSource(iterator, 'messages')
      await t.rejects(source.pump(take), { message: 'no room' })
      source.close()
      await settle()
      t.same(seen, { returns: 1, nexts: 1 })
    }
  },
)

t.test('return() does not wait for a next() that never settles', async t => {
  const { seen, iterator } = counted([], never)
  const source = new MessageSource(iterator, 'messages')
  const pumped = source.pump(() => undefined)
  await settle()
  source.close()
  t.equal(await pumped, false)
  t.same(seen, { returns: 1, nexts: 1 })
})

t.test('what next() gives after the close is dropped', async t => {
  let give = (_result: IteratorResult<Value>): void => undefined
  const { iterator } = counted([], () => new Promise(resolve => (give = resolve)))
  const source = new MessageSource(iterator, 'messages')
  const taken: Value[] = []
  const pumped = source.pump(message => {
    taken.push(message)
    return undefined
  })
  await settle()
  source.close()
  await pumped
  give({ done: false, value: 1 })
  await settle()
  t.same(taken, [])
})

t.test('the pump settles when return() has, and tells what it fails with', async t => {
  const cases: readonly [string, () => unknown, boolean][] = [
    ['a promise', () => Promise.resolve(), false],
    ['no promise', () => undefined, false],
    [
      'throws',
      () => {
        throw new Error('return failed')
      },
      true,
    ],
    ['rejects', () => Promise.reject(new Error('return failed')), true],
  ]
  for (const [name, returned, fails] of cases) {
    const { seen, iterator } = counted([], never, returned)
    const source = new MessageSource(iterator, 'messages')
    const pumped = source.pump(() => undefined)
    source.close()
    if (fails) await t.rejects(pumped, { message: 'return failed' }, name)
    else t.equal(await pumped, false, name)
    t.equal(seen.returns, 1, name)
  }
  let returned = (): void => undefined
  const { iterator } = counted([], never, () => new Promise<void>(resolve => (returned = resolve)))
  const source = new MessageSource(iterator, 'messages')
  let isSettled = false
  const pumped = source.pump(() => undefined).then(() => (isSettled = true))
  source.close()
  await settle()
  t.equal(isSettled, false, 'return() has not settled')
  returned()
  await pumped
})

t.test(
  'an iterator without return(): the next() under way is waited for, and nothing is called after it',
  async t => {
    let give = (_result: IteratorResult<Value>): void => undefined
    let nexts = 0
    const iterator = {
      next: () => {
        nexts++
        return new Promise<IteratorResult<Value>>(resolve => (give = resolve))
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
    const source = new MessageSource(iterator, 'messages')
    let isSettled = false
    const pumped = source.pump(() => undefined).then(() => (isSettled = true))
    source.close()
    await settle()
    t.equal(isSettled, false)
    give({ done: false, value: 1 })
    await pumped
    t.equal(nexts, 1)
  },
)

t.test('a generator is closed where it stands: its finally runs once', async t => {
  const closed: string[] = []
  async function* numbers() {
    try {
      yield 1
      yield 2
    } finally {
      closed.push('closed')
    }
  }
  const source = new MessageSource(numbers(), 'messages')
  const taking = source.pump(() => never())
  await settle()
  source.close()
  t.equal(await taking, false)
  t.same(closed, ['closed'])
})

t.test(
  'a plain generator is closed as well, also when a promise among its values fails',
  async t => {
    const closed: string[] = []
    function* numbers() {
      try {
        yield 1
        yield Promise.reject(new Error('no second'))
        yield 3
      } finally {
        closed.push('closed')
      }
    }
    const source = new MessageSource(numbers(), 'messages')
    await t.rejects(
      source.pump(() => undefined),
      { message: 'no second' },
    )
    t.same(closed, ['closed'])
    const other = new MessageSource(numbers(), 'messages')
    t.equal(
      await other.pump(() => {
        other.close()
        return undefined
      }),
      false,
    )
    t.same(closed, ['closed', 'closed'])
  },
)

t.test('a Node stream is destroyed at once, though a read of it is under way for ever', async t => {
  const stream = new Readable({ objectMode: true, read: () => undefined })
  const source = new MessageSource(stream, 'messages')
  const pumped = source.pump(() => undefined)
  await settle()
  source.close()
  t.equal(await pumped, false)
  t.equal(stream.destroyed, true)
})

t.test('a web stream is cancelled at once, though a read of it is under way for ever', async t => {
  let cancelled = 0
  const stream = new ReadableStream({
    pull: () => new Promise(() => undefined),
    cancel: () => {
      cancelled++
    },
  })
  const source = new MessageSource(stream, 'messages')
  const pumped = source.pump(() => undefined)
  await settle()
  source.close()
  t.equal(await pumped, false)
  t.equal(cancelled, 1)
  t.equal(stream.locked, false)
})

t.test('a web stream that ends gives everything and is unlocked', async t => {
  const stream = new ReadableStream({
    start: controller => {
      controller.enqueue(1)
      controller.close()
    },
  })
  const taken: Value[] = []
  const source = new MessageSource(stream, 'messages')
  await source.pump(message => {
    taken.push(message)
    return undefined
  })
  t.same(taken, [1])
  t.equal(stream.locked, false)
})

t.test('messages that nobody pulled are closed as well', async t => {
  const { seen, iterator } = counted([1], end, () => Promise.reject(new Error('nobody hears')))
  discardMessages(iterator)
  const stream = new Readable({ objectMode: true, read: () => undefined })
  discardMessages(stream)
  const early = counted([1], end)
  const source = new MessageSource(early.iterator, 'messages')
  source.close()
  t.equal(await source.pump(() => undefined), false)
  discardMessages([1, 2])
  discardMessages(undefined)
  discardMessages(5)
  await settle()
  t.same(seen, { returns: 1, nexts: 0 })
  t.same(early.seen, { returns: 1, nexts: 0 })
  t.equal(stream.destroyed, true)
})
