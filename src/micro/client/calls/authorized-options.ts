import type { CallOptions } from '../../call/call-options.js'

/** Options of a call that has its credentials. */
export interface AuthorizedOptions extends CallOptions {
  /** Middleware makes it again: when it was made first, for `timing`. On the clock of the runtime. Unit: ms. */
  readonly begunAt?: number
  /** The same for another attempt, whose server may be another one, and whose token may be out of date. */
  readonly renew?: () => Promise<AuthorizedOptions>
}
