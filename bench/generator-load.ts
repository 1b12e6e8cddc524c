import { Child } from './child-process.js'
import type { Load, LoadResult, LoadShape } from './load.js'
import { compiled } from './paths.js'
import { Core, pinned } from './tools.js'

/** Our own loader in a child process: writes calls that were encoded before the clock started. */
export class GeneratorLoad implements Load {
  readonly name: string
  /** Prepared calls take about 300 octets each. */
  readonly callsMax = 80_000
  readonly #child: Child
  readonly #varying: boolean

  private constructor(child: Child, varying: boolean) {
    this.name = varying ? 'own generator, headers vary' : 'own generator'
    this.#child = child
    this.#varying = varying
  }

  /** With `varying`, each call has a grpc-timeout and a trace id that no other has. */
  static async start(varying: boolean): Promise<GeneratorLoad> {
    const [command, ...args] = pinned(Core.loader, process.execPath, compiled('clients/generator'))
    return new GeneratorLoad(await Child.start('generator', command, args), varying)
  }

  async unary(shape: LoadShape): Promise<LoadResult> {
    const reply = await this.#child.ask({ do: 'unary', ...shape, varying: this.#varying })
    const { calls, seconds } = reply
    if (calls === undefined || seconds === undefined) throw new Error('generator: no figures')
    return { calls, seconds }
  }

  async close(): Promise<void> {
    await this.#child.close()
  }
}
