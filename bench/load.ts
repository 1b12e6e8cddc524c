/** What a loader does to a server: unary calls of the benchmark's message. */
export interface LoadShape {
  readonly port: number
  readonly path: string
  /** TLS 1.3. */
  readonly tls?: boolean
  /** Connections. */
  readonly connections: number
  /** Calls in flight on each connection. */
  readonly inFlight: number
  /** Calls in all. */
  readonly calls: number
}

/** How a load went. Loads that fail in any call throw instead. */
export interface LoadResult {
  readonly calls: number
  readonly seconds: number
}

/** A program that drives a server with unary calls. */
export interface Load {
  readonly name: string
  /** Most calls of one load. */
  readonly callsMax: number
  unary(shape: LoadShape): Promise<LoadResult>
  close(): Promise<void>
}
