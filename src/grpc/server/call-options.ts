import { checkOptions, type OptionKinds } from '../../options/index.js'
import {
  acceptEncoding,
  type Compression,
  type Compressions,
  checkCompressions,
  DEFAULT_COMPRESSIONS,
} from '../wire/compression.js'
import { findCompression } from '../wire/find-compression.js'
import { type CallLimits, callLimits } from '../wire/limits.js'
import type { ServerCall } from './server-call.js'

/** How a server serves its calls. */
export interface CallOptions {
  /** Limits of one call. Default: `DEFAULT_CALL_LIMITS`. */
  readonly limits?: Partial<CallLimits>
  /** Supported compressions, by name. Default: gzip and deflate. */
  readonly compressions?: Compressions
  /** How to compress responses, if the client accepts it; one of `compressions`. Default: none. */
  readonly compression?: string
  /**
   * Called with exceptions that a handler's callback throws; the client receives UNKNOWN. Default:
   * none.
   */
  readonly onError?: (error: unknown, call: ServerCall) => void
}

const KINDS: OptionKinds<CallOptions> = {
  // Looked at where it is read.
  limits: 'any',
  compression: 'string',
  compressions: 'object',
  onError: 'function',
}

/** `CallOptions`, checked and with defaults. Create it once for all connections that share it. */
export class CallSettings {
  readonly limits: CallLimits
  readonly compressions: Compressions
  readonly compression: Compression | undefined
  /** What we write into `grpc-accept-encoding`. */
  readonly acceptEncoding: string
  /** As in `CallOptions`. */
  readonly onError: ((error: unknown, call: ServerCall) => void) | undefined

  /** @throws TypeError for what is no compression; RangeError for a limit out of range or a compression that is not among `compressions`. */
  constructor(options: CallOptions) {
    checkOptions('calls', options, KINDS)
    const compressions = options.compressions ?? DEFAULT_COMPRESSIONS
    checkCompressions(compressions)
    this.limits = callLimits(options.limits)
    this.compressions = compressions
    this.compression = findCompression(compressions, options.compression)
    this.acceptEncoding = acceptEncoding(compressions)
    this.onError = options.onError
  }

  /** The compression called `name`. @throws as `findCompression`. */
  findCompression(name: string): Compression | undefined {
    return findCompression(this.compressions, name)
  }
}
