import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { Change, Workspace } from '../../fuzz/workspace.js'

/** How long a planted bug may stay hidden from the simulation. Unit: ms. */
export const PLANTED_TIME_MS = 30_000

/** A bug put in on purpose: a simulation that does not find it is broken itself. */
export interface PlantedSimulationBug extends Change {
  readonly about: string
  /** It is the fleets that find it. */
  readonly isOfFleets?: boolean
}

/** Mistakes that were made here once, and that small calls do not show. */
export const PLANTED_BUGS: readonly PlantedSimulationBug[] = [
  {
    file: 'src/connection/flow/receiver.js',
    about: 'the old receiver: credit of the connection is withheld until messages are consumed',
    find: 'const spent = this.#windowMax - this.#window;',
    replace:
      'const spent = Math.min(this.#windowMax, Math.max(0, 1_048_576 - this.retained)) - this.#window;',
  },
  {
    file: 'src/micro/async/message-source.js',
    about: 'a lost return(): what nobody wants is not closed',
    find: 'await close();',
    replace: ';',
  },
  {
    file: 'src/micro/client/mucp/stream.js',
    about: 'a cancel spelled as an end: a mucp handler takes what it has for all',
    find: 'return cancelHeader(header, failure);',
    replace: 'return endHeader(header);',
  },
  {
    file: 'src/channel/channel.js',
    about: 'a lost done: calls that have ended count as running',
    find: 'subchannel.pending--;',
    replace: ';',
    isOfFleets: true,
  },
  {
    file: 'src/channel/channel.js',
    about: 'a call may go to a server whose connection is gone',
    find: "return standing === 'ready' && !isSuspect",
    replace: "return standing !== 'failed' && !isSuspect",
    isOfFleets: true,
  },
  {
    file: 'src/channel/channel.js',
    about: 'a server that is frozen goes on getting calls',
    find: "return standing === 'ready' && !isSuspect",
    replace: "return standing === 'ready'",
    isOfFleets: true,
  },
  {
    file: 'src/channel/retries/retry-rule.js',
    about: 'retries without a budget',
    find: 'budget?.take() === false',
    replace: 'false',
    isOfFleets: true,
  },
  {
    file: 'src/micro/discovery/call-route.js',
    about: 'a retry forgets where it was',
    find: 'this.#tried.push(subchannel);\n        const next = this.#pickAgain(this.#tried);\n        const endpoint = next?.subchannel.endpoint;\n        if (next === undefined || endpoint?.protocol !== protocol)',
    replace:
      ';\n        const next = this.#pickAgain(this.#tried);\n        const endpoint = next?.subchannel.endpoint;\n        if (next === undefined || endpoint?.protocol !== protocol)',
    isOfFleets: true,
  },
  {
    file: 'src/overload/overload.js',
    about: 'a call that ends gives no place back',
    find: 'this.#running--;',
    replace: ';',
    isOfFleets: true,
  },
  {
    file: 'src/overload/overload.js',
    about: 'a call that gives up in the queue counts as running there',
    find: 'this.#waiting.delete(ticket);\n            return;',
    replace: 'this.#waiting.delete(ticket);\n            this.#running++;\n            return;',
    isOfFleets: true,
  },
  {
    file: 'src/channel/retries/hedges.js',
    about: 'hedges without a budget',
    find: 'budget?.take() === false',
    replace: 'false',
    isOfFleets: true,
  },
  {
    file: 'src/micro/client/native/hedged-call.js',
    about: 'a hedge does not tell how it ended',
    find: 'this.#target.route?.done(error, trailers);',
    replace: ';',
    isOfFleets: true,
  },
  {
    file: 'src/channel/balancing/zone-first.js',
    about: 'a zone keeps servers that have gone',
    find: 'if (candidates !== this.#of)',
    replace: 'if (this.#of === undefined)',
    isOfFleets: true,
  },
]

/** What became of one planted bug. */
export interface PlantedFinding {
  readonly found: boolean
  readonly timeMs: number
  /** The first thing that was wrong, with its seed. */
  readonly text: string
}

/** Simulates with one bug in the code, from the first seed on, until one fails or time is up. */
export function findPlanted(workspace: Workspace, bug: PlantedSimulationBug): PlantedFinding {
  const takeBack = workspace.plant(bug)
  const startedAt = performance.now()
  try {
    const program = join(workspace.folder, 'scripts', 'simulate.js')
    const command = bug.isOfFleets === true ? ['fleet'] : []
    const order = [...command, '--seeds', '100000', '--failures', '1', '--brief']
    const child = spawnSync(process.execPath, [program, ...order], {
      encoding: 'utf8',
      timeout: PLANTED_TIME_MS,
    })
    const [, text] = /^(seed \d+ FAILED\n.*)/m.exec(child.stdout) ?? []
    return {
      found: text !== undefined,
      timeMs: Math.round(performance.now() - startedAt),
      text: (text ?? (child.stderr.trim() || 'nothing was found')).replace(/\s+/g, ' '),
    }
  } finally {
    takeBack()
  }
}

/** All of them, a line each. True when every one was found. */
export function runPlanted(workspace: Workspace): boolean {
  let found = 0
  for (const bug of PLANTED_BUGS) {
    const result = findPlanted(workspace, bug)
    if (result.found) found++
    const time = String(result.timeMs).padStart(6)
    console.log(`${result.found ? 'found ' : 'MISSED'} ${time} ms  ${bug.about}  [${result.text}]`)
  }
  console.log(`${found} of ${PLANTED_BUGS.length} planted bugs found`)
  return found === PLANTED_BUGS.length
}
