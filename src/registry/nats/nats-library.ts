/** What is used of `@nats-io/transport-node`: the package may be missing, also where only types are read. */
export interface NatsLibrary {
  connect(options: object): Promise<NatsConnection>
  createInbox(): string
}

/** A connection of the library. */
export interface NatsConnection {
  publish(subject: string, payload: Uint8Array, options?: { readonly reply?: string }): void
  subscribe(
    subject: string,
    options: { callback(error: Error | null, message: NatsMessage): void },
  ): { unsubscribe(): void }
  request(
    subject: string,
    payload: Uint8Array,
    options: { readonly timeout: number },
  ): Promise<NatsMessage>
  status(): AsyncIterable<{ readonly type: string; readonly error?: Error }>
  flush(): Promise<void>
  isClosed(): boolean
  close(): Promise<void>
}

/** A message as it delivers it. */
export interface NatsMessage {
  readonly subject: string
  readonly data: Uint8Array
  readonly reply?: string
  readonly headers?: { get(name: string): string }
}

/** The library, imported at first use. @throws what `import` does */
export async function loadNats(): Promise<NatsLibrary> {
  // The catch tells bundlers that the package may be missing.
  const library = await import('@nats-io/transport-node').catch((error: unknown) => {
    throw error
  })
  return library as unknown as NatsLibrary
}
