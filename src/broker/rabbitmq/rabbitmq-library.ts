/** What is used of `amqplib`: the package may be missing, also where only types are read. */
export interface AmqpLibrary {
  connect(options: AmqpConnectOptions, socket: object): Promise<AmqpConnection>
}

/** The parts of a URL, as the library takes them. */
export interface AmqpConnectOptions {
  readonly protocol: string
  readonly hostname: string
  readonly port: number
  readonly username: string
  readonly password: string
  readonly vhost: string
  readonly heartbeat: number
}

/** A connection of the library. */
export interface AmqpConnection {
  on(event: string, listener: (error?: unknown) => void): unknown
  createChannel(): Promise<AmqpChannel>
  createConfirmChannel(): Promise<AmqpConfirmChannel>
  close(): Promise<void>
}

/** A channel: what goes wrong on it ends it, and nothing else. */
export interface AmqpChannel {
  on(event: string, listener: (error?: unknown) => void): unknown
  assertExchange(name: string, type: string, options: object): Promise<unknown>
  assertQueue(name: string, options: object): Promise<{ readonly queue: string }>
  bindQueue(queue: string, exchange: string, pattern: string): Promise<unknown>
  prefetch(count: number): Promise<unknown>
  consume(
    queue: string,
    listener: (message: AmqpMessage | null) => void,
    options: object,
  ): Promise<{ readonly consumerTag: string }>
  cancel(tag: string): Promise<unknown>
  ack(message: AmqpMessage): void
  nack(message: AmqpMessage, allUpTo: false, requeue: boolean): void
  close(): Promise<void>
}

/** A channel whose messages are confirmed. */
export interface AmqpConfirmChannel extends AmqpChannel {
  publish(
    exchange: string,
    key: string,
    content: Buffer,
    options: object,
    done: (error: unknown) => void,
  ): boolean
}

/** A message as it is delivered. */
export interface AmqpMessage {
  readonly content: Buffer
  readonly fields: { readonly routingKey: string; readonly redelivered: boolean }
  readonly properties: {
    readonly headers?: Readonly<Record<string, unknown>> | undefined
    readonly contentType?: unknown
  }
}

/** The library, imported at first use. @throws what `import` does */
export async function loadAmqp(): Promise<AmqpLibrary> {
  // The catch tells bundlers that the package may be missing.
  const library = await import('amqplib').catch((error: unknown) => {
    throw error
  })
  return ((library as { default?: unknown }).default ?? library) as AmqpLibrary
}
