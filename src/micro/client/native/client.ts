import { requestHeaders } from '../../../grpc/index.js'
import type { CallSession } from '../../../transport/index.js'
import type { CallOptions } from '../../call/call-options.js'
import type { Target } from '../../discovery/target.js'
import { grpcSubtype } from '../../mucp/content-type.js'
import type { ServiceMethod } from '../../service/service.js'
import type { MethodRules } from '../calls/client-retries.js'
import { StreamRetry } from '../calls/stream-retry.js'
import { HedgedCall } from './hedged-call.js'
import { type GrpcClientOptions, newCall, type Opening, startCall } from './opening.js'
import { GrpcStream } from './stream.js'
import { UnaryCall, type UnaryCallParts } from './unary-call.js'

/** One method as native calls need it: the last opening is nearly always the next one's. */
export class GrpcMethod {
  readonly method: ServiceMethod
  readonly rules: MethodRules
  readonly #client: GrpcClient
  #last: Opening | undefined
  #parts: UnaryCallParts | undefined
  /** Those of sessions that are gone go with them. */
  readonly #openings = new WeakMap<CallSession, Map<string, Opening>>()

  constructor(client: GrpcClient, method: ServiceMethod) {
    this.#client = client
    this.method = method
    this.rules = client.options.retries.rulesOf(method)
  }

  /** What its unary calls have in common; nearly always the same as of the call before. */
  parts(contentType: string): UnaryCallParts {
    const known = this.#parts
    if (known?.contentType === contentType) return known
    const parts = { client: this.#client.options, method: this, contentType }
    this.#parts = parts
    return parts
  }

  /** @throws TypeError for a content type that has no gRPC subtype */
  opening({ address, route }: Target, contentType: string): Opening {
    const session = route?.session ?? this.#client.session(address)
    const last = this.#last
    if (last !== undefined && last.session === session && last.contentType === contentType)
      return last
    const known = this.#openings.get(session)?.get(contentType)
    const opening = known ?? this.#client.makeOpening(session, this.method, contentType)
    if (known === undefined) {
      const byType = this.#openings.get(session) ?? new Map<string, Opening>()
      this.#openings.set(session, byType.set(contentType, opening))
    }
    this.#last = opening
    return opening
  }
}

/** Native gRPC calls over the sessions of a transport. */
export class GrpcClient {
  readonly options: GrpcClientOptions
  readonly #sessions = new Map<string, CallSession>()

  constructor(options: GrpcClientOptions) {
    this.options = options
  }

  session(address: string): CallSession {
    let session = this.#sessions.get(address)
    if (session === undefined) {
      session = this.options.transport.session(address)
      this.#sessions.set(address, session)
    }
    return session
  }

  /** The address is nobody's any more. */
  forget(address: string): void {
    this.#sessions.delete(address)
  }

  makeOpening(session: CallSession, method: ServiceMethod, contentType: string): Opening {
    const subtype = grpcSubtype(contentType)
    if (subtype === undefined) {
      throw new TypeError(
        `contentType ${contentType} has no gRPC subtype; use application/grpc, application/grpc+<subtype> or application/json`,
      )
    }
    const { authority, userAgent, compressions } = this.options
    const headers = requestHeaders(method, {
      authority: authority ?? session.authority,
      scheme: session.scheme,
      subtype,
      userAgent,
      compressions,
    })
    // go-micro's server/grpc takes the content type from here when there is no better one.
    return {
      method,
      session,
      contentType,
      subtype,
      headers: [...headers, 'x-content-type', contentType],
    }
  }

  /** One request, one response: one promise. */
  unary(
    method: GrpcMethod,
    target: Target,
    contentType: string,
    request: unknown,
    options: CallOptions | undefined,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const parts = method.parts(contentType)
      const Kind = method.rules.hedge === undefined ? UnaryCall : HedgedCall
      new Kind(parts, target, request, options, resolve, reject).begin()
    })
  }

  /** Opens a stream. */
  stream(
    method: GrpcMethod,
    target: Target,
    contentType: string,
    options: CallOptions,
  ): GrpcStream {
    const { retry, waitForReady, timeoutMs } = method.rules
    const isPatient = (options.waitForReady ?? waitForReady) === true
    // Only the request of such a stream can be sent once more.
    const rule = method.method.kind === 'server' ? retry : undefined
    const again =
      rule === undefined
        ? undefined
        : new StreamRetry(rule, this.options.retries.bounds, this.options.runtime)
    let deadline: number | undefined
    let begunAt: number | undefined
    return new GrpcStream(options, target.route, again, stream => {
      const opening = method.opening(target, contentType)
      const now = opening.session.now()
      begunAt ??= now
      deadline ??= now + Math.min(options.timeoutMs ?? Number.POSITIVE_INFINITY, timeoutMs)
      const until = again === undefined ? deadline : again.begin(now, deadline)
      const previous = again?.count ?? 0
      const call = newCall(opening, this.options, options, until, stream, now - begunAt, previous)
      startCall(opening, call, isPatient)
      return call
    })
  }
}
