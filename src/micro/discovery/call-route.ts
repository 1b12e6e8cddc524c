import {
  type Channel,
  type Outcome,
  type Picked,
  pushbackOf,
  type Subchannel,
} from '../../channel/index.js'
import type { GrpcError, Metadata } from '../../grpc/index.js'
import type { CallSession } from '../../transport/index.js'
import { MicroError } from '../errors/micro-error.js'
import type { Protocol } from '../protocol.js'
import type { NodeEndpoint } from './node-endpoint.js'

/** Whom one call goes to, from attempt to attempt, and who hears how each of them ended. */
export class CallRoute {
  readonly #channel: Channel
  #picked: Picked
  /** Where earlier attempts were; nearly no call has any. */
  #tried: Subchannel[] | undefined
  #endpoint: NodeEndpoint
  /** Hears of each endpoint but the first. */
  onMove: ((target: CallRoute) => void) | undefined

  constructor(channel: Channel, picked: Picked) {
    this.#channel = channel
    this.#picked = picked
    this.#endpoint = picked.subchannel.endpoint as NodeEndpoint
    this.#tried = undefined
    this.onMove = undefined
  }

  get route(): this {
    return this
  }

  get address(): string {
    return this.#endpoint.address
  }

  get protocol(): Protocol {
    return this.#endpoint.protocol
  }

  get legacy(): boolean {
    return this.#endpoint.legacy
  }

  /** The endpoint's session, if it has one of its own. */
  get session(): CallSession | undefined {
    return this.#picked.subchannel.session as unknown as CallSession | undefined
  }

  /** An attempt begins; `isTimed`: `done` will say when that was. */
  begin(isTimed = false): void {
    this.#picked.begin(isTimed)
  }

  /** The first of its answer came. */
  answered(): void {
    this.#picked.answered()
  }

  /** A native attempt has ended. */
  done(error: GrpcError | undefined, trailers?: Metadata, beganAt?: number): void {
    this.#picked.done(error, trailers, beganAt)
  }

  /** Another attempt of the same call has answered first. */
  overtaken(): void {
    this.#picked.overtaken()
  }

  /** The attempt could not even begin, which says nothing about its endpoint. */
  abandon(): void {
    this.#picked.end('neutral')
  }

  /** A mucp attempt has ended. */
  end(error: unknown, header?: Metadata): void {
    const known = error instanceof Error ? error : undefined
    const pushbackMs = header === undefined ? undefined : pushbackOf(header)
    this.#picked.end(mucpOutcome(error), known, header, pushbackMs)
  }

  /** Another endpoint is connected than those that were tried, this one included. */
  get hasOther(): boolean {
    return this.#channel.hasOther([...(this.#tried ?? []), this.#picked.subchannel])
  }

  /** Nothing of a mucp attempt was sent to its node, and another one is there. */
  mayMove(error: unknown): boolean {
    if (!(error instanceof MicroError) || !error.unprocessed) return false
    return error.origin === 'network' && this.hasOther
  }

  /** The next attempt goes to another endpoint where one can be used. Undefined: there is none that speaks the same protocol. */
  moveOn(): this | undefined {
    const { protocol } = this
    this.#tried ??= []
    const { subchannel } = this.#picked
    if (!this.#tried.includes(subchannel)) this.#tried.push(subchannel)
    const next = this.#pickAgain(this.#tried)
    const endpoint = next?.subchannel.endpoint as NodeEndpoint | undefined
    if (next === undefined || endpoint?.protocol !== protocol) return undefined
    this.#picked = next
    this.#endpoint = endpoint
    this.onMove?.(this)
    return this
  }

  /** Beside this one, where another attempt of the same call goes at the same time: elsewhere, if there is anybody else. */
  branch(): CallRoute | undefined {
    this.#tried ??= []
    const { subchannel } = this.#picked
    if (!this.#tried.includes(subchannel)) this.#tried.push(subchannel)
    const next = this.#pickAgain(this.#tried)
    const endpoint = next?.subchannel.endpoint as NodeEndpoint | undefined
    if (next === undefined || endpoint?.protocol !== this.protocol) return undefined
    this.#tried.push(next.subchannel)
    return new CallRoute(this.#channel, next)
  }

  /**
   * One that speaks this call's protocol. Those that do not count as tried from then on: `hasOther` that goes on counting
   * them lets a call try for ever where nothing but them is left.
   *
   * A selector that wants none of those that are left ends no call: it has failed already, and says why itself.
   */
  #pickAgain(tried: Subchannel[]): Picked | undefined {
    try {
      for (;;) {
        const next = this.#channel.pickAgain(tried)
        if (next === undefined) return undefined
        const { subchannel } = next
        if ((subchannel.endpoint as NodeEndpoint).protocol === this.protocol) return next
        if (tried.includes(subchannel)) return undefined
        tried.push(subchannel)
      }
    } catch {
      return undefined
    }
  }
}

/** What the end of a mucp attempt says about its node. Codes are those of HTTP; 0: a plain text. */
function mucpOutcome(error: unknown): Outcome {
  if (error === undefined) return 'ok'
  if (!(error instanceof MicroError)) return 'neutral'
  const { code, origin } = error
  if (code === 499) return 'neutral'
  if (code === 408) return error.unprocessed ? 'neutral' : 'late'
  if (origin === 'network') return 'unreached'
  if (origin === 'local') return 'neutral'
  return code === 0 || code === 429 || code >= 500 ? 'failed' : 'ok'
}
