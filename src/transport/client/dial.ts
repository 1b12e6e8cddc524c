import { isLiteral } from '../runtime/address.js'
import type { Cancellable, RawConnectOptions, RawSocket, Runtime } from '../runtime/runtime.js'
import { thrownError } from '../runtime/thrown.js'

/** Time an address has to answer before the next one is tried beside it. Unit: ms. RFC 8305 §8. */
const ATTEMPT_DELAY_MS = 250
/** Addresses of one name that are tried; a resolver that gives more is not believed. */
const ADDRESSES_MAX = 64

/** Who wants to be connected. */
export interface DialOwner {
  /** TCP, and TLS if asked for, are set up; from now on the socket is the owner's. */
  onDialled(socket: RawSocket): void
  /** No address of the host could be connected to; undefined: the only one closed the connection without a word. */
  onDialFailed(error: Error | undefined): void
  /** Nothing is left of the sockets that did not become the owner's. Once, last. */
  onDialEnd(): void
}

/** `hosts`: the addresses of `host`, if they are known. */
export type DialOptions = Omit<RawConnectOptions, 'serverName' | 'onTcp'> & {
  readonly hosts?: readonly string[] | undefined
}

/** One address that is tried. */
interface Attempt {
  readonly host: string
  readonly startedAt: number
  socket: RawSocket | undefined
  /** TCP is set up: TLS is under way. */
  isShakingHands: boolean
  error: Error | undefined
  isOver: boolean
}

/**
 * Connects to whichever address of a host answers first: families take turns, an address that does not answer
 * within 250 ms gets company and goes on, one that fails is followed at once, and whoever comes late is closed.
 * RFC 8305. While one shakes hands over TLS no further address is tried: a server that is slow there is not helped by more.
 */
export class Dial {
  readonly #runtime: Runtime
  readonly #options: DialOptions
  readonly #owner: DialOwner
  readonly #attempts: Attempt[] = []
  #hosts: readonly string[] = []
  #isLooking = false
  #delay: Cancellable | undefined
  /** Connected, failed or given up. */
  #isDecided = false
  #hasEnded = false

  constructor(runtime: Runtime, options: DialOptions, owner: DialOwner) {
    this.#runtime = runtime
    this.#options = options
    this.#owner = owner
  }

  /** The owner is told later, whatever happens. */
  start(): void {
    const { host, hosts, path } = this.#options
    if (hosts !== undefined) this.#begin(hosts)
    else if (path !== undefined || (host !== undefined && isLiteral(host)))
      this.#begin([host ?? ''])
    else this.#lookup(host ?? 'localhost')
  }

  /** All sockets but the owner's have closed. */
  get ended(): boolean {
    return this.#hasEnded
  }

  /** What is being waited for, for an error that says that it took too long. */
  get progress(): string {
    if (this.#isLooking) return 'the name server has not answered'
    if (this.#hosts.length < 2) return ''
    const tried = this.#attempts.map(attempt => `${attempt.host} ${outcomeOf(attempt)}`)
    return `of its ${this.#hosts.length} addresses, ${tried.join(', ')}`
  }

  /** Gives up; the owner hears `onDialEnd` only. */
  destroy(): void {
    if (this.#isDecided) return
    this.#decide()
    this.#closeAllBut(undefined)
  }

  #lookup(name: string): void {
    this.#isLooking = true
    const onFailed = (error: unknown): void => {
      this.#isLooking = false
      this.#failLater(thrownError(error))
    }
    try {
      const found = this.#runtime.lookup(name)
      if ('then' in found) found.then(hosts => this.#begin(hosts)).catch(onFailed)
      else this.#begin(found)
    } catch (error) {
      onFailed(error)
    }
  }

  #begin(hosts: readonly string[]): void {
    this.#isLooking = false
    if (this.#isDecided) return
    this.#hosts = interleaved(hosts).slice(0, ADDRESSES_MAX)
    if (this.#hosts.length > 0) this.#next()
    else {
      const { host } = this.#options
      this.#failLater(Object.assign(new Error(`${host} has no address`), { code: 'ENOTFOUND' }))
    }
  }

  /** Tries the next address, if one is left. */
  #next(): void {
    this.#delay?.cancel()
    this.#delay = undefined
    const host = this.#hosts[this.#attempts.length]
    if (host === undefined) return
    const startedAt = this.#runtime.now()
    const attempt: Attempt = {
      host,
      startedAt,
      socket: undefined,
      isShakingHands: false,
      error: undefined,
      isOver: false,
    }
    this.#attempts.push(attempt)
    if (this.#attempts.length < this.#hosts.length) {
      this.#delay = this.#runtime.schedule(ATTEMPT_DELAY_MS, () => this.#onDelay())
    }
    this.#connect(attempt)
  }

  #connect(attempt: Attempt): void {
    const { host, path, port, tls } = this.#options
    const isName = path === undefined && attempt.host !== host
    const socket = this.#runtime.connect(
      {
        host: path === undefined ? attempt.host : undefined,
        port,
        path,
        tls,
        ...(isName && tls !== undefined ? { serverName: host ?? 'localhost' } : {}),
        ...(tls === undefined ? {} : { onTcp: () => this.#onTcp(attempt) }),
      },
      () => this.#onReady(attempt),
    )
    attempt.socket = socket
    socket.on('error', error => {
      attempt.error ??= error
    })
    socket.on('close', () => this.#onClose(attempt))
  }

  #onDelay(): void {
    this.#delay = undefined
    if (!this.#isDecided && !this.#isShakingHands) this.#next()
  }

  get #isShakingHands(): boolean {
    return this.#attempts.some(attempt => attempt.isShakingHands && !attempt.isOver)
  }

  #onTcp(attempt: Attempt): void {
    attempt.isShakingHands = true
    this.#delay?.cancel()
    this.#delay = undefined
  }

  #onReady(attempt: Attempt): void {
    if (this.#isDecided) return
    attempt.isOver = true
    this.#decide()
    this.#owner.onDialled(attempt.socket!)
    this.#closeAllBut(attempt)
  }

  #onClose(attempt: Attempt): void {
    if (attempt.isOver) return
    attempt.isOver = true
    if (this.#isDecided) this.#checkEnd()
    else if (this.#attempts.length < this.#hosts.length) {
      if (!this.#isShakingHands) this.#next()
    } else if (this.#attempts.every(({ isOver }) => isOver)) this.#fail(this.#error())
  }

  #decide(): void {
    this.#isDecided = true
    this.#delay?.cancel()
    this.#delay = undefined
  }

  #closeAllBut(winner: Attempt | undefined): void {
    for (const attempt of this.#attempts) if (attempt !== winner) attempt.socket?.destroy()
    this.#checkEnd()
  }

  #failLater(error: Error): void {
    this.#runtime.afterTurn(() => {
      if (!this.#isDecided) this.#fail(error)
    })
  }

  #fail(error: Error | undefined): void {
    this.#decide()
    this.#owner.onDialFailed(error)
    this.#checkEnd()
  }

  #checkEnd(): void {
    if (this.#hasEnded || !this.#attempts.every(({ isOver }) => isOver)) return
    this.#hasEnded = true
    this.#owner.onDialEnd()
  }

  /** What one address said, or what each of them did. */
  #error(): Error | undefined {
    if (this.#attempts.length === 1) return this.#attempts[0]!.error
    const errors = this.#attempts.map(attempt => attempt.error ?? closedError(attempt))
    const texts = this.#attempts.map(attempt => `${attempt.host} ${outcomeOf(attempt)}`)
    return new AggregateError(errors, texts.join(', '))
  }
}

function outcomeOf({ error, isOver, isShakingHands }: Attempt): string {
  if (error !== undefined) return 'code' in error ? String(error.code) : error.message
  if (isOver) return 'closed the connection'
  return isShakingHands ? 'has not finished its TLS handshake' : 'has not answered'
}

function closedError({ host }: Attempt): Error {
  return new Error(`${host} closed the connection before it was set up`)
}

/** Families take turns, beginning with that of the first; else in the order they came. RFC 8305 §4. */
function interleaved(hosts: readonly string[]): readonly string[] {
  const unique = [...new Set(hosts)]
  const isFirst = (host: string): boolean => host.includes(':') === unique[0]!.includes(':')
  const first = unique.filter(isFirst)
  const second = unique.filter(host => !isFirst(host))
  const ordered: string[] = []
  for (let i = 0; i < Math.max(first.length, second.length); i++) {
    if (first[i] !== undefined) ordered.push(first[i]!)
    if (second[i] !== undefined) ordered.push(second[i]!)
  }
  return ordered
}
