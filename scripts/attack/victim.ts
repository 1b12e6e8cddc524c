import { setTimeout as sleep } from 'node:timers/promises'
import { bytesCodec, type Client, createClient, defineService } from '../../src/index.js'

/** Between the starts of two calls. Unit: ms. */
const PACE_MS = 5

const bytes = bytesCodec()
const service = defineService('attack.Target', {
  echo: { kind: 'unary', request: bytes, response: bytes },
})

/** Makes an ordinary call every few milliseconds and takes their times. */
export class Victim {
  readonly #client: Client
  readonly #call: (request: Uint8Array, options: { timeoutMs: number }) => Promise<Uint8Array>
  #times: number[] = []
  #errors = 0
  #running = true
  readonly done: Promise<void>

  /** `cert`: the server's, where it speaks TLS. */
  constructor(port: number, cert?: string) {
    const tls = cert === undefined ? {} : { tls: { ca: cert } }
    this.#client = createClient({ address: `127.0.0.1:${port}`, ...tls })
    this.#call = this.#client.bind(service).echo
    this.done = this.#run()
  }

  /** What each call since the last look took, and how many failed. Unit: ms. */
  take(): { readonly times: number[]; readonly errors: number } {
    const taken = { times: this.#times, errors: this.#errors }
    this.#times = []
    this.#errors = 0
    return taken
  }

  async stop(): Promise<void> {
    this.#running = false
    await this.done
    await this.#client.close()
  }

  async #run(): Promise<void> {
    // Its eight octets tell the server that it is nobody's attack.
    const request = Buffer.from('ordinary')
    while (this.#running) {
      const startedAt = performance.now()
      try {
        await this.#call(request, { timeoutMs: 10_000 })
      } catch {
        this.#errors++
        await sleep(50)
      }
      const elapsedMs = performance.now() - startedAt
      this.#times.push(elapsedMs)
      if (elapsedMs < PACE_MS) await sleep(PACE_MS - elapsedMs)
    }
  }
}
