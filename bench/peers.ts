import { existsSync, mkdirSync } from 'node:fs'
import { Child } from './child-process.js'
import { CACHE, compiled, GO_PEER, PEERS, ROOT } from './paths.js'
import { type Command, Core, GO, outputOf, pinned } from './tools.js'

/** A name in the tables and rows of the benchmarks. */
export type Peer =
  | 'microwire'
  | 'grpc-js'
  | 'node:http2'
  | 'connect-node'
  | 'grpc-go'
  | 'canned responder'
  | 'raw socket'

/** A peer's program: as a server it is started as it is, as a client with `client` as its argument. */
type Programs = Readonly<Partial<Record<Peer, { server?: Command; client?: Command }>>>

const node = process.execPath
const GO_PROGRAM = `${CACHE}/bench-server`

const PROGRAMS: Programs = {
  microwire: {
    server: [node, compiled('servers/microwire')],
    client: [node, compiled('clients/microwire')],
  },
  'grpc-js': {
    server: [node, compiled('servers/grpc-js')],
    client: [node, compiled('clients/grpc-js')],
  },
  'node:http2': { server: [node, compiled('servers/node-http2')] },
  'connect-node': { server: [node, `${PEERS}/connect-node.js`] },
  'grpc-go': { server: [GO_PROGRAM], client: [GO_PROGRAM, 'client'] },
  'canned responder': { server: [node, compiled('servers/canned')] },
  'raw socket': { server: [node, compiled('servers/raw-socket')] },
}

/**
 * Makes the peers with dependencies of their own ready: installs connect-node, builds grpc-go. A quick
 * run takes what is there already, since both may need the network and a minute.
 */
export class PeerSet {
  readonly #missing = new Map<Peer, string>()
  readonly #note: (text: string) => void

  constructor(quick: boolean, note: (text: string) => void, progress: (text: string) => void) {
    this.#note = note
    this.#readyConnectNode(quick, progress)
    this.#readyGo(quick, progress)
  }

  /** The peers of `wanted` that can run here; those left out are named once, with the reason. */
  available(wanted: readonly Peer[]): readonly Peer[] {
    return wanted.filter(peer => !this.#missing.has(peer))
  }

  /** Starts a peer's server on the core of what is measured, unless told otherwise. */
  async startServer(peer: Peer, core: number = Core.measured): Promise<Child> {
    return await start(peer, PROGRAMS[peer]?.server, core)
  }

  /** Starts a peer's client, likewise. */
  async startClient(peer: Peer, core: number = Core.measured): Promise<Child> {
    return await start(peer, PROGRAMS[peer]?.client, core)
  }

  #readyConnectNode(quick: boolean, progress: (text: string) => void): void {
    if (existsSync(`${PEERS}/node_modules/@connectrpc/connect-node`)) return
    if (quick) {
      this.#leaveOut('connect-node', 'not installed; a run without --quick installs it')
      return
    }
    progress('installing connect-node')
    if (outputOf('npm', 'ci', '--prefix', PEERS, '--no-audit', '--no-fund') === undefined) {
      this.#leaveOut('connect-node', `\`npm ci --prefix ${relative(PEERS)}\` failed`)
    }
  }

  #readyGo(quick: boolean, progress: (text: string) => void): void {
    if (GO === undefined) {
      this.#leaveOut('grpc-go', 'no Go toolchain')
      return
    }
    if (quick && !existsSync(GO_PROGRAM)) {
      this.#leaveOut('grpc-go', 'not built; a run without --quick builds it')
      return
    }
    progress('building grpc-go')
    mkdirSync(CACHE, { recursive: true })
    if (outputOf('go', 'build', '-C', GO_PEER, '-o', GO_PROGRAM, '.') === undefined) {
      this.#leaveOut('grpc-go', `\`go build\` failed in ${relative(GO_PEER)}`)
    }
  }

  #leaveOut(peer: Peer, reason: string): void {
    this.#missing.set(peer, reason)
    this.#note(`${peer} left out: ${reason}`)
  }
}

async function start(peer: Peer, program: Command | undefined, core: number): Promise<Child> {
  if (program === undefined) throw new Error(`${peer} has no such program`)
  const [command, ...args] = pinned(core, ...program)
  return await Child.start(peer, command, args)
}

function relative(path: string): string {
  return path.startsWith(ROOT) ? path.slice(ROOT.length) : path
}
