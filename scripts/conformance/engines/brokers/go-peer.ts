import type { Program } from '../../program.js'
import type { SuiteRun } from '../../suite.js'
import { goBuild } from '../../toolchain.js'

/** What the Go program says, line by line. */
export interface GoLine {
  readonly say: string
  readonly topic?: string
  readonly header?: Readonly<Record<string, string>>
  /** In base64. */
  readonly body?: string
  readonly order?: unknown
  readonly metadata?: Readonly<Record<string, string>>
  readonly error?: string
  readonly services?: readonly unknown[]
  readonly cpuMs?: number
  readonly timeMs?: number
}

const TIME_MAX_MS = 10_000

/** `interop/go/gomicro-brokers`: go-micro v5 with one of its brokers, told what to do. */
export class GoPeer {
  static readonly version = 'v5.30.0'
  readonly #program: Program
  #answers = 0

  private constructor(program: Program) {
    this.#program = program
  }

  /** Builds and starts it. Throws `Unavailable` where Go cannot. */
  static async start(run: SuiteRun, broker: string, address: string): Promise<GoPeer> {
    const tool = await goBuild('gomicro-brokers', 'interop/go/gomicro-brokers')
    const program = run.start(tool.path, [broker, address])
    await program.waitFor(/"say":"ready"/)
    return new GoPeer(program)
  }

  /** Everything that it has said. */
  get lines(): readonly GoLine[] {
    return this.#program.stdout
      .split('\n')
      .filter(line => line.startsWith('{') && line.endsWith('}'))
      .map(line => JSON.parse(line) as GoLine)
  }

  /** Rejects with the error that Go had. */
  async do(what: string, more: object = {}, timeMaxMs: number = TIME_MAX_MS): Promise<GoLine> {
    const at = this.#answers++
    this.#program.say(`${JSON.stringify({ do: what, ...more })}\n`)
    const answer = await until(
      () => this.lines.filter(({ say }) => say === 'done')[at],
      `go-micro has not done ${what}`,
      timeMaxMs,
    )
    if (answer.error !== undefined) throw new Error(`go-micro: ${what}: ${answer.error}`)
    return answer
  }

  /** What Go's subscribers of a topic have heard: raw messages, or what a server's handler was given. */
  heard(topic: string): readonly GoLine[] {
    return this.lines.filter(line => line.say !== 'done' && line.topic === topic)
  }

  async stop(): Promise<void> {
    await this.#program.stop()
  }
}

/** Looks until there is something, for ten seconds. */
export async function until<T>(
  look: () => T | undefined | false,
  what: string,
  timeMaxMs: number = TIME_MAX_MS,
): Promise<T> {
  const end = Date.now() + timeMaxMs
  for (;;) {
    const found = look()
    if (found !== undefined && found !== false) return found
    if (Date.now() > end) throw new Error(`${what} in ${timeMaxMs} ms`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}
