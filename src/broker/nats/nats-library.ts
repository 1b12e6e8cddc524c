/** What is used of `@nats-io/transport-node`: the package may be missing, also where only types are read. */
export interface NatsLibrary {
  connect(options: NatsConnectOptions): Promise<NatsConnection>
  credsAuthenticator(creds: Uint8Array): unknown
}

/** Options of the library's `connect`. */
export interface NatsConnectOptions {
  readonly servers: string[]
  readonly name?: string
  readonly user?: string
  readonly pass?: string
  readonly token?: string
  readonly authenticator?: unknown
  readonly tls?: object
  readonly timeout: number
  readonly reconnect: false
  readonly pingInterval: number
  readonly maxPingOut: number
  readonly noAsyncTraces: true
}

/** A connection of the library. */
export interface NatsConnection {
  readonly info?: { readonly max_payload: number } | undefined
  publish(subject: string, payload: Uint8Array): void
  subscribe(subject: string, options: NatsSubscribeOptions): NatsSubscription
  flush(): Promise<void>
  status(): AsyncIterable<{ readonly type: string; readonly error?: Error }>
  closed(): Promise<undefined | Error>
  isClosed(): boolean
  close(): Promise<void>
}

/** Options of its `subscribe`. */
export interface NatsSubscribeOptions {
  readonly queue?: string
  callback(error: Error | null, message: NatsMessage): void
}

/** A message as it delivers it. */
export interface NatsMessage {
  readonly subject: string
  readonly data: Uint8Array
}

/** One of its subscriptions. */
export interface NatsSubscription {
  drain(): Promise<void>
}

/** The library, imported at first use. @throws what `import` does */
export async function loadNats(): Promise<NatsLibrary> {
  // The catch tells bundlers that the package may be missing.
  const library = await import('@nats-io/transport-node').catch((error: unknown) => {
    throw error
  })
  return library as unknown as NatsLibrary
}
