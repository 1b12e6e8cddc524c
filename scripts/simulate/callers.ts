import {
  type Client,
  defineService,
  jsonCodec,
  type MethodTypes,
  type Service,
} from '../../src/index.js'
import type { SimulatedClock } from '../../src/testing/index.js'
import { type CallBook, describe, makeNote, type Note, REASON } from './call-book.js'
import type { IteratorBook } from './iterator-book.js'
import type { CallPlan, RunPlan } from './plan.js'

const note = jsonCodec<Note>()
interface Methods {
  unary: MethodTypes<'unary', Note, Note>
  server: MethodTypes<'server', Note, Note>
  client: MethodTypes<'client', Note, Note>
  bidi: MethodTypes<'bidi', Note, Note>
}

export const service: Service<Methods> = defineService('simulated.Simulated', {
  unary: { kind: 'unary', request: note, response: note },
  server: { kind: 'server', request: note, response: note },
  client: { kind: 'client', request: note, response: note },
  bidi: { kind: 'bidi', request: note, response: note },
})

/** The callers of a run, each with its plan. */
export class Callers {
  /** How many calls ended how. */
  readonly endings: Map<string, number> = new Map()
  succeeded = 0
  readonly #plan: RunPlan
  readonly #book: CallBook
  readonly #iterators: IteratorBook
  readonly #clock: SimulatedClock
  readonly #trace: ((text: string) => void) | undefined
  /** One for all calls that share it. */
  readonly #shared = new AbortController()

  constructor(
    plan: RunPlan,
    book: CallBook,
    iterators: IteratorBook,
    clock: SimulatedClock,
    trace: ((text: string) => void) | undefined,
  ) {
    this.#plan = plan
    this.#book = book
    this.#iterators = iterators
    this.#clock = clock
    this.#trace = trace
  }

  /** Makes all calls; settles when the last one has. */
  async run(clients: ReadonlyMap<string, Client>): Promise<void> {
    const shared = this.#plan.calls.find(({ load }) => load?.sharesSignal === true)
    if (shared !== undefined) {
      this.#clock.schedule(shared.cancelMs, () => this.#shared.abort(REASON))
    }
    const ended: Promise<void>[] = []
    for (const plan of this.#plan.calls) {
      const { after } = plan.load ?? {}
      const call = this.#call(
        clients.get(plan.door)!,
        plan,
        after === undefined ? undefined : ended[after],
      )
      ended.push(call)
    }
    await Promise.all(ended)
  }

  async #call(client: Client, plan: CallPlan, after: Promise<void> | undefined): Promise<void> {
    await after
    await this.#clock.sleep(plan.startMs)
    const startedAt = this.#clock.now()
    const abort = new AbortController()
    const isShared = plan.load?.sharesSignal === true
    const timer =
      plan.cancelMs === Number.POSITIVE_INFINITY || isShared
        ? undefined
        : this.#clock.schedule(plan.cancelMs, () => abort.abort(REASON))
    const progress = { replies: 0 }
    this.#trace?.(`call ${plan.id} starts: ${JSON.stringify(plan)}`)
    let error: unknown
    try {
      const { signal } = isShared ? this.#shared : abort
      await this.#exchange(client, plan, signal, progress)
    } catch (thrown) {
      error = thrown
    }
    timer?.cancel()
    const elapsedMs = this.#clock.now() - startedAt
    this.#trace?.(`call ${plan.id} ends after ${elapsedMs} ms: ${describe(error)}`)
    if (error === undefined) this.succeeded++
    const ending = describe(error).replace(/ ".*/, '')
    this.endings.set(ending, (this.endings.get(ending) ?? 0) + 1)
    this.#book.settle(plan, { error, replies: progress.replies, elapsedMs })
  }

  async #exchange(
    client: Client,
    plan: CallPlan,
    signal: AbortSignal,
    progress: { replies: number },
  ): Promise<void> {
    const bound = client.bind(service)
    const { id, size, load = {} } = plan
    const options = {
      signal,
      waitForReady: plan.waitForReady,
      metadata: { 'call-id': String(id) },
      ...(plan.timeoutMs === Number.POSITIVE_INFINITY ? {} : { timeoutMs: plan.timeoutMs }),
      ...(load.gzip === true && plan.door === 'grpc' ? { compression: 'gzip' } : {}),
    }
    const onReply = (reply: Note) => {
      this.#book.check('reply', reply, id, progress.replies, size)
      progress.replies++
    }
    if (plan.kind === 'unary') onReply(await bound.unary(makeNote(id, 0, size), options))
    else if (plan.kind === 'client') onReply(await bound.client(this.#source(plan), options))
    else {
      const replies =
        plan.kind === 'server'
          ? bound.server(makeNote(id, 0, size), options)
          : bound.bidi(this.#source(plan), options)
      if (load.stallAt === 0) await this.#clock.sleep(load.stallMs!)
      for await (const reply of replies) {
        onReply(reply)
        if (progress.replies === load.breaksAfter) break
        if (plan.readerMs > 0) await this.#clock.sleep(plan.readerMs)
        if (load.stallAt === progress.replies) await this.#clock.sleep(load.stallMs!)
      }
    }
  }

  /** At hand at once, or one by one: the calls take turns. */
  #source(plan: CallPlan): Iterable<Note> | AsyncIterable<Note> {
    const { id, door, kind, load = {} } = plan
    const what = `call ${id} (${door} ${kind}): its source of requests`
    if (load.pauseAt !== undefined || id % 4 === 3) {
      return this.#iterators.watch(what, this.#requests(plan))
    }
    return this.#iterators.watchSync(what, requestsOf(plan))
  }

  async *#requests(plan: CallPlan): AsyncGenerator<Note> {
    const { load = {} } = plan
    let seq = 0
    this.#book.running++
    try {
      for (const request of requestsOf(plan)) {
        if (load.pauseAt === seq++) await this.#clock.sleep(load.pauseMs!)
        yield request
      }
    } finally {
      this.#book.running--
    }
  }
}

/** What a client sends; it may give up in the middle. */
function* requestsOf({ id, requests, size, throwsAfter }: CallPlan): Generator<Note> {
  for (let seq = 0; seq < requests; seq++) {
    if (seq >= throwsAfter) throw REASON
    yield makeNote(id, seq, size)
  }
  if (throwsAfter < Number.POSITIVE_INFINITY) throw REASON
}
