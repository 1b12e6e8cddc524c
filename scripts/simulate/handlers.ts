import { type Context, MicroError } from '../../src/index.js'
import type { SimulatedClock } from '../../src/testing/index.js'
import { type CallBook, FAILURE, makeNote, type Note } from './call-book.js'
import type { IteratorBook } from './iterator-book.js'
import type { CallPlan } from './plan.js'

type Requests = Iterable<Note> | AsyncIterable<Note>

/** What the handlers of all kinds do: what the plan of their call says. */
export class Handlers {
  readonly #book: CallBook
  readonly #iterators: IteratorBook
  readonly #clock: SimulatedClock
  readonly #startedMs: number
  /** Settles when the handlers that end together do, by that time. */
  readonly #endings = new Map<number, Promise<void>>()

  constructor(book: CallBook, iterators: IteratorBook, clock: SimulatedClock) {
    this.#book = book
    this.#iterators = iterators
    this.#clock = clock
    this.#startedMs = clock.now()
  }

  async one(given: Requests, context: Context): Promise<Note> {
    const id = idOf(context)
    const plan = this.#book.plan(id)
    const run = this.#book.begin(id)
    this.#book.running++
    try {
      await this.#readRequests(given, plan, run)
      await this.#pause(plan, context)
      await this.#endTogether(plan)
      if (plan.fails) throw new MicroError(FAILURE.code, FAILURE.detail)
      run.complete = true
      return makeNote(id, 0, plan.size)
    } finally {
      this.#book.running--
    }
  }

  many(given: Requests, context: Context): AsyncIterableIterator<Note> {
    const plan = this.#book.plan(idOf(context))
    const what = `call ${plan.id} (${plan.door} ${plan.kind}): its handler's iterator`
    return this.#iterators.watch(what, this.#replies(given, context, plan))
  }

  async *#replies(given: Requests, context: Context, plan: CallPlan): AsyncGenerator<Note> {
    const run = this.#book.begin(plan.id)
    this.#book.running++
    try {
      const reading = this.#readRequests(given, plan, run)
      reading.catch(() => {})
      for (let seq = 0; seq < plan.replies; seq++) {
        await this.#pause(plan, context)
        yield makeNote(plan.id, seq, plan.size)
      }
      await reading
      await this.#endTogether(plan)
      if (plan.fails) throw new MicroError(FAILURE.code, FAILURE.detail)
      run.complete = true
    } finally {
      this.#book.running--
    }
  }

  /** The requests of one call, as its handler reads them. */
  async #readRequests(
    requests: Requests,
    plan: CallPlan,
    run: { requests: number },
  ): Promise<void> {
    const { id, size, readerMs, load = {} } = plan
    if (load.stallAt === 0) await this.#clock.sleep(load.stallMs!)
    for await (const request of requests) {
      this.#book.check('request', request, id, run.requests, size)
      run.requests++
      if (readerMs > 0) await this.#clock.sleep(readerMs)
      if (load.stallAt === run.requests) await this.#clock.sleep(load.stallMs!)
    }
    this.#book.sawEnd(id, run.requests)
  }

  async #pause(plan: CallPlan, context: Context): Promise<void> {
    if (plan.handlerMs > 0) await this.#clock.sleep(plan.handlerMs)
    if (!plan.stubborn) context.signal.throwIfAborted()
  }

  /** One timer for all, so that they go on in one tick. */
  async #endTogether({ load }: CallPlan): Promise<void> {
    const atMs = load?.endsAtMs
    const leftMs = atMs === undefined ? 0 : this.#startedMs + atMs - this.#clock.now()
    if (atMs === undefined || leftMs <= 0) return
    let ending = this.#endings.get(atMs)
    if (ending === undefined) {
      ending = this.#clock.sleep(leftMs)
      this.#endings.set(atMs, ending)
    }
    await ending
  }
}

/** Ids travel as metadata: a stream may have no message. */
function idOf(context: Context): number {
  const value = context.metadata.get('call-id') ?? context.metadata.get('Call-Id')
  if (value === undefined) throw new Error('a call without an id')
  return Number(value)
}
