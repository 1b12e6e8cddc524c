/** A client of the soak, which makes calls as they are planned and checks how they settle. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type CallOptions,
  type Client,
  createClient,
  GrpcError,
  MicroError,
  Status,
} from '../../src/index.js'
import { bodyOf, faultOf } from './bodies.js'
import type { Budget, Entry, Ledger } from './ledger.js'
import type { CallPlan } from './plan.js'
import { sum } from './plan.js'
import { CALL_FIELD, MESSAGE_SIZE_MAX, type Site, service } from './site.js'

export type Protocol = 'grpc' | 'mucp'

/** What a phase says of its calls. */
export interface Surroundings {
  /** Those who stand still go on when it resolves. */
  readonly gate?: Promise<void>
  /** Ends calls whose plan is `cancel`, in place of their own signal. */
  readonly signal?: AbortSignal
  readonly mayFail?: boolean
  readonly waitForReady?: boolean
}

/** Beyond it a call fails, twice as long and it is given up as one that never settles. */
const CALL_MAX_MS = 60_000
const OPEN: Promise<void> = Promise.resolve()

class PlannedError extends Error {}

const bind = (client: Client) => client.bind(service)

export class Caller {
  readonly #client: Client
  readonly #bound: ReturnType<typeof bind>
  readonly #protocol: Protocol
  readonly #ledger: Ledger
  readonly #budget: Budget

  constructor(
    site: Site,
    protocol: Protocol,
    limits: Record<string, number>,
    ledger: Ledger,
    budget: Budget,
  ) {
    const { identity } = site
    this.#client = createClient({
      address: site.address,
      protocol,
      contentType: protocol === 'grpc' ? 'application/grpc+proto' : 'application/octet-stream',
      messageSizeMax: MESSAGE_SIZE_MAX,
      limits,
      // An attempt is no shorter than a call: another one would start the handler again.
      connectionTimeoutMs: CALL_MAX_MS,
      // The attacker and all of this share a machine.
      dialTimeoutMs: 30_000,
      ...(identity === undefined ? {} : { tls: { ca: identity.cert, servername: 'localhost' } }),
    })
    this.#bound = bind(this.#client)
    this.#protocol = protocol
    this.#ledger = ledger
    this.#budget = budget
  }

  async close(): Promise<void> {
    await this.#client.close()
  }

  /** One call, settled as planned or counted. Answers how long it took, waiting for the budget apart, and whether all came. */
  async call(plan: CallPlan, around: Surroundings = {}): Promise<{ ms: number; isWhole: boolean }> {
    const size = sum(plan.requests) + sum(plan.responses)
    await this.#budget.take(size)
    const startedAt = performance.now()
    const entry = this.#ledger.add(plan, around.gate ?? OPEN, around.mayFail ?? false)
    const giveUp = new AbortController()
    const settled = this.#settle(entry, around)
    const never = sleep(2 * CALL_MAX_MS, 'never' as const, { signal: giveUp.signal })
    const end = await Promise.race([settled, never]).finally(() => giveUp.abort())
    never.catch(() => {})
    if (end === 'never') this.#ledger.found('unsettled', 'the call never settles', plan)
    this.#budget.give(size)
    return { ms: performance.now() - startedAt, isWhole: end === 'whole' }
  }

  async #settle(entry: Entry, around: Surroundings): Promise<'whole' | 'ended'> {
    const { plan } = entry
    const abort = new AbortController()
    const isCancelled = plan.ending === 'cancel'
    const shared = isCancelled ? around.signal : undefined
    const timer =
      isCancelled && shared === undefined
        ? setTimeout(() => abort.abort(), plan.endAfter)
        : undefined
    const options: CallOptions = {
      signal: shared ?? abort.signal,
      timeoutMs: plan.ending === 'deadline' ? plan.endAfter : CALL_MAX_MS,
      metadata: { [CALL_FIELD]: String(plan.call) },
      ...(plan.isGzip && this.#protocol === 'grpc' ? { compression: 'gzip' } : {}),
      ...(around.waitForReady && this.#protocol === 'grpc' ? { waitForReady: true } : {}),
    }
    try {
      await this.#drive(entry, options)
      this.#succeeded(entry)
      return 'whole'
    } catch (error) {
      this.#failed(entry, error, options.signal?.aborted ?? false)
      return 'ended'
    } finally {
      clearTimeout(timer)
    }
  }

  async #drive(entry: Entry, options: CallOptions): Promise<void> {
    const { plan } = entry
    const bound = this.#bound
    const first = (): Buffer => bodyOf(plan.call, 0, true, plan.requests[0]!)
    if (plan.kind === 'unary') return this.#check(plan, await bound.unary(first(), options), 0)
    const source = this.#source(entry)
    if (plan.kind === 'client') return this.#check(plan, await bound.client(source, options), 0)
    const responses =
      plan.kind === 'server' ? bound.server(first(), options) : bound.bidi(source, options)
    let seq = 0
    for await (const response of responses) {
      if (plan.stall === 'client-reads' && seq === plan.stallAt) {
        await standStill(entry, options.signal!)
      }
      this.#check(plan, response, seq++)
      if (plan.ending === 'break' && seq === plan.endAfter) return
    }
    const leavesAfter = plan.ending === 'handler-leaves' ? plan.endAfter : Number.POSITIVE_INFINITY
    const expected = Math.min(plan.responses.length, leavesAfter)
    if (seq < expected) {
      const what = `an orderly end after ${seq} of ${expected} responses`
      this.#ledger.found('truncated', what, plan)
    }
  }

  async *#source(entry: Entry): AsyncGenerator<Uint8Array> {
    const { plan } = entry
    this.#ledger.sources++
    try {
      for (let seq = 0; seq < plan.requests.length; seq++) {
        if (plan.ending === 'throw' && seq === plan.endAfter) throw new PlannedError('planned')
        if (plan.stall === 'client-sends' && seq === plan.stallAt) await entry.gate
        yield bodyOf(plan.call, seq, true, plan.requests[seq]!)
      }
      if (plan.ending === 'throw') throw new PlannedError('planned')
    } finally {
      this.#ledger.sources--
    }
  }

  #check(plan: CallPlan, bytes: Uint8Array, seq: number): void {
    const fault = faultOf(bytes, plan.call, seq, false, plan.responses[seq])
    if (fault !== undefined) this.#ledger.found('lost', fault, plan)
    this.#ledger.count(bytes.length)
  }

  #succeeded({ plan, starts }: Entry): void {
    if (starts !== 1) this.#ledger.found('doubled', `it succeeded with ${starts} handlers`, plan)
    if (plan.ending === 'handler-throws' || (plan.ending === 'throw' && plan.kind === 'client')) {
      this.#ledger.found('truncated', 'it succeeded and must not', plan)
    }
  }

  #failed({ plan, mayFail }: Entry, error: unknown, isAborted: boolean): void {
    const { ending } = plan
    const isPlanned =
      mayFail ||
      (ending === 'cancel' && isAborted) ||
      (ending === 'deadline' && isLate(error)) ||
      (ending === 'throw' && isPlannedError(error)) ||
      ending === 'handler-throws'
    if (isPlanned) this.#ledger.totals.cancelled++
    else this.#ledger.found('failed', textOf(error), plan)
  }
}

/** A reader goes on when the phase says so, or its call is given up. */
function standStill(entry: Entry, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve()
    const wake = (): void => {
      signal.removeEventListener('abort', wake)
      resolve()
    }
    signal.addEventListener('abort', wake, { once: true })
    void entry.gate.then(wake)
  })
}

function isLate(error: unknown): boolean {
  if (error instanceof GrpcError) return error.status === Status.DeadlineExceeded
  return error instanceof MicroError && error.code === 408
}

/** The source's own error, or one that it is the cause of. */
function isPlannedError(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof PlannedError) return true
  }
  return false
}

function textOf(error: unknown): string {
  if (error instanceof GrpcError) return `${error.code} ${error.message}`
  if (error instanceof MicroError) return `${error.code} ${error.detail}`
  return String(error)
}
