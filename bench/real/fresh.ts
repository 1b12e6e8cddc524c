import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Child } from '../child-process.js'
import type { Contest, Contestant, Metric, Sample } from '../contest.js'
import { compiled, ROOT } from '../paths.js'
import type { Bench } from '../suite.js'
import { Core, pinned } from '../tools.js'

/** From the start of the process to its end. */
const TIME: Metric = { key: 'time', unit: 'ms', better: 'lower' }

/** User and system time of the whole process. */
const CPU_TIME: Metric = { key: 'cpu', unit: 'ms', better: 'lower' }

const run = promisify(execFile)

/** A process for each measurement: import, one call, exit. */
class FreshContestant implements Contestant {
  readonly peer: string
  readonly #file: string
  readonly #args: readonly string[]

  constructor(peer: string, file: string, args: readonly string[]) {
    this.peer = peer
    this.#file = file
    this.#args = args
  }

  async prepare(): Promise<void> {
    await this.measure()
  }

  async measure(): Promise<Sample> {
    const [command, ...args] = pinned(Core.measured, process.execPath, this.#file, ...this.#args)
    const begin = performance.now()
    const { stdout } = await run(command, args)
    return { [TIME.key]: performance.now() - begin, [CPU_TIME.key]: Number(stdout) }
  }

  async close(): Promise<void> {}
}

function freshContest(bench: Bench, name: string, args: readonly string[]): Contest {
  let server: Child | undefined
  const start = async (): Promise<Contestant[]> => {
    server = await bench.peers.startServer('microwire orders', { core: Core.loader })
    const all = [String(server.port), ...args]
    const bare = new FreshContestant('node alone', compiled('real/fresh-nothing'), [])
    return [
      new FreshContestant('microwire', compiled('real/fresh-microwire'), [`${ROOT}dist`, ...all]),
      new FreshContestant('grpc-js', compiled('real/fresh-grpc-js'), all),
      bare,
    ]
  }
  return {
    suite: 'real',
    name,
    rounds: bench.pace.kind === 'smoke' ? 1 : 9,
    conditions: 'a process for each, import and one call, the package as it is published',
    metrics: [TIME, CPU_TIME],
    targets: [{ peer: 'grpc-js', metric: TIME.key, atLeast: 1 }],
    start,
    stop: async () => await server?.close(),
  }
}

/** How long it takes a new process to have its first answer. */
export async function freshContests(bench: Bench): Promise<void> {
  if (!existsSync(`${ROOT}dist/index.js`)) {
    bench.note('fresh process left out: `npm run build` first')
    return
  }
  await bench.run(freshContest(bench, 'fresh process and one call', []))
  await bench.run(freshContest(bench, 'fresh process and one call, with a schema', ['--schema']))
}
