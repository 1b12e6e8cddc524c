/** `retryThrottling` of a service config. gRPC A6. */
export interface RetryThrottling {
  /** Size of the bucket, which begins full. Unit: tokens. */
  readonly maxTokens: number
  /** What a success puts back; a failure takes one. */
  readonly tokenRatio: number
}

/** Tokens of one server name: calls are repeated only while more than half of them are there. gRPC A6. */
export class RetryThrottle {
  readonly #options: RetryThrottling
  /** Unit: thousandths of a token, so that tenths add up. */
  #tokens: number

  constructor(options: RetryThrottling) {
    this.#options = options
    this.#tokens = options.maxTokens * 1_000
  }

  get tokens(): number {
    return this.#tokens / 1_000
  }

  /** Whether a call that failed may be repeated. */
  get isOpen(): boolean {
    return this.#tokens > this.#options.maxTokens * 500
  }

  onSuccess(): void {
    const more = Math.floor(this.#options.tokenRatio * 1_000)
    this.#tokens = Math.min(this.#options.maxTokens * 1_000, this.#tokens + more)
  }

  onFailure(): void {
    this.#tokens = Math.max(0, this.#tokens - 1_000)
  }
}
