/** What is used of `redis`: the package may be missing, also where only types are read. */
export interface RedisLibrary {
  createClient(options: RedisConnectOptions): RedisClient
}

/** Options of the library's `createClient`. */
export interface RedisConnectOptions {
  readonly socket: {
    readonly host: string
    readonly port: number
    readonly tls?: boolean
    readonly connectTimeout: number
    readonly reconnectStrategy: false
  } & Readonly<Record<string, unknown>>
  readonly username?: string
  readonly password?: string
  readonly name?: string
  readonly disableOfflineQueue: true
  readonly maintNotifications: 'disabled'
  readonly pingInterval?: number
}

/** A client of the library. */
export interface RedisClient {
  on(event: string, listener: (error?: unknown) => void): unknown
  connect(): Promise<unknown>
  publish(channel: string, message: Buffer): Promise<number>
  subscribe(channel: string, listener: RedisListener, isBuffer: true): Promise<void>
  unsubscribe(channel: string, listener: RedisListener, isBuffer: true): Promise<void>
  close(): Promise<void>
  destroy(): void
}

export type RedisListener = (message: Buffer, channel: Buffer) => void

/** The library, imported at first use. @throws what `import` does */
export async function loadRedis(): Promise<RedisLibrary> {
  // The catch tells bundlers that the package may be missing.
  const library = await import('redis').catch((error: unknown) => {
    throw error
  })
  return library as unknown as RedisLibrary
}
