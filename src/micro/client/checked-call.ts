import type { CallKind } from '../../grpc/index.js'
import { bindCallbacks, type CallOptions, checkCallOptions } from '../call/call-options.js'
import { inherit } from '../call/inheritance.js'
import type { AnyFunction } from './chain-call.js'
import { checkMetadata } from './client-parts.js'

/**
 * `call` for users: options that cannot be used are told before it starts, by an exception where it returns a stream.
 * With `inherits` it has what the call leaves it whose handler makes it.
 */
export function checkedCall(
  call: AnyFunction,
  kind: CallKind,
  inherits: boolean,
  timeoutMs: number,
): (request: unknown, options?: CallOptions) => unknown {
  const hasStream = kind === 'server' || kind === 'bidi'
  return (request, options) => {
    if (options === undefined)
      return call(request, inherits ? inherit(options, timeoutMs) : options)
    try {
      checkCallOptions(options)
      if (hasStream) checkMetadata(options)
      const bound = bindCallbacks(options)
      return call(request, inherits ? inherit(bound, timeoutMs) : bound)
    } catch (error) {
      if (hasStream) throw error
      return Promise.reject(error)
    }
  }
}
