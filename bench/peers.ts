import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Child } from './child-process.js'
import type { Pace } from './pace.js'
import { CACHE, compiled, GO_MICRO_PEER, GO_PEER, PEERS, ROOT, TONIC_PEER } from './paths.js'
import { ORDER_OCTETS } from './real/files.js'
import { CARGO, type Command, Core, GO, outputOf, pinned } from './tools.js'

/** A name in the tables and rows of the benchmarks. */
export type Peer =
  | 'microwire'
  | 'microwire orders'
  | 'grpc-js'
  | 'grpc-js layer'
  | 'grpc-js orders'
  | 'node:http2'
  | 'connect-node'
  | 'grpc-go'
  | 'tonic'
  | 'go-micro v6'
  | 'go-micro v5'
  | 'connection layer'
  | 'canned responder'
  | 'raw socket'
  | 'bare socket'

/** A peer's program: as a server it is started as it is, as a client with `client` as its argument. */
type Programs = Readonly<Partial<Record<Peer, { server?: Command; client?: Command }>>>

const node = process.execPath
const GO_PROGRAM = `${CACHE}/bench-server`
const TONIC_TARGET = `${CACHE}/cargo`
const TONIC_PROGRAM = `${TONIC_TARGET}/release/tonic-bench`
const GO_MICRO_5_PROGRAM = `${CACHE}/go-micro-v5`
const GO_MICRO_6_PROGRAM = `${CACHE}/go-micro-v6`
const GO_MICRO_6_VERSION = 'v6.10.0'

const PROGRAMS: Programs = {
  microwire: {
    server: [node, compiled('servers/microwire')],
    client: [node, compiled('clients/microwire')],
  },
  'grpc-js': {
    server: [node, compiled('servers/grpc-js')],
    client: [node, compiled('clients/grpc-js')],
  },
  'grpc-js layer': { server: [node, compiled('servers/compat-grpc-js')] },
  'microwire orders': {
    server: [node, compiled('servers/orders-microwire')],
    client: [node, compiled('clients/orders-microwire')],
  },
  'grpc-js orders': {
    server: [node, compiled('servers/orders-grpc-js')],
    client: [node, compiled('clients/orders-grpc-js')],
  },
  'node:http2': { server: [node, compiled('servers/node-http2')] },
  'connect-node': { server: [node, `${PEERS}/connect-node.js`] },
  'grpc-go': { server: [GO_PROGRAM], client: [GO_PROGRAM, 'client'] },
  tonic: { server: [TONIC_PROGRAM, ORDER_OCTETS] },
  'go-micro v6': { server: [GO_MICRO_6_PROGRAM] },
  'go-micro v5': { server: [GO_MICRO_5_PROGRAM] },
  'connection layer': { server: [node, compiled('servers/connection')] },
  'canned responder': { server: [node, compiled('servers/canned')] },
  'raw socket': { server: [node, compiled('servers/raw-socket')] },
  'bare socket': { server: [node, compiled('servers/bare')] },
}

/** How a peer's program is to run. */
export interface StartOptions {
  /** Default: the core of what is measured. */
  readonly core?: number
  /** Flags of Node; programs in Go take none. */
  readonly flags?: readonly string[]
  /** Arguments of our servers: see servers/server-arguments.ts. */
  readonly args?: readonly string[]
}

/** Peers that a smoke run leaves out: what they answer is tested by longer runs. */
const SLOW_TO_START: readonly Peer[] = [
  'connect-node',
  'grpc-go',
  'tonic',
  'go-micro v6',
  'go-micro v5',
]

/**
 * Makes the peers with dependencies of their own ready: installs connect-node, builds grpc-go and tonic. A quick
 * run takes what is there already, since both may need the network and a minute.
 */
export class PeerSet {
  readonly #missing = new Map<Peer, string>()
  readonly #note: (text: string) => void

  constructor(pace: Pace, note: (text: string) => void, progress: (text: string) => void) {
    this.#note = note
    if (pace.kind === 'smoke') {
      for (const peer of SLOW_TO_START) this.#leaveOut(peer, 'a smoke run')
      return
    }
    const quick = pace.kind === 'quick'
    this.#readyConnectNode(quick, progress)
    this.#readyGo('grpc-go', GO_PEER, GO_PROGRAM, quick, progress)
    this.#readyGo('go-micro v5', GO_MICRO_PEER, GO_MICRO_5_PROGRAM, quick, progress)
    this.#readyTonic(quick, progress)
    const source = goMicro6Source()
    this.#readyGo('go-micro v6', source, GO_MICRO_6_PROGRAM, quick, progress, ['-mod=mod'])
  }

  /** The peers of `wanted` that can run here; those left out are named once, with the reason. */
  available(wanted: readonly Peer[]): readonly Peer[] {
    return wanted.filter(peer => !this.#missing.has(peer))
  }

  /** Starts a peer's server. */
  async startServer(peer: Peer, options: StartOptions = {}): Promise<Child> {
    return await start(peer, PROGRAMS[peer]?.server, options)
  }

  /** Starts a peer's client. */
  async startClient(peer: Peer, options: StartOptions = {}): Promise<Child> {
    return await start(peer, PROGRAMS[peer]?.client, options)
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

  #readyGo(
    peer: Peer,
    source: string,
    program: string,
    quick: boolean,
    progress: (text: string) => void,
    flags: readonly string[] = [],
  ): void {
    if (GO === undefined) {
      this.#leaveOut(peer, 'no Go toolchain')
      return
    }
    if (quick && !existsSync(program)) {
      this.#leaveOut(peer, 'not built; a run without --quick builds it')
      return
    }
    progress(`building ${peer}`)
    mkdirSync(CACHE, { recursive: true })
    if (outputOf('go', 'build', '-C', source, ...flags, '-o', program, '.') === undefined) {
      this.#leaveOut(peer, `\`go build\` failed in ${relative(source)}`)
    }
  }

  #readyTonic(quick: boolean, progress: (text: string) => void): void {
    if (CARGO === undefined) {
      this.#leaveOut('tonic', 'no Cargo')
      return
    }
    if (quick && !existsSync(TONIC_PROGRAM)) {
      this.#leaveOut('tonic', 'not built; a run without --quick builds it')
      return
    }
    progress('building tonic')
    const manifest = ['--manifest-path', `${TONIC_PEER}/Cargo.toml`]
    const flags = ['--release', '--locked', '--quiet', '--target-dir', TONIC_TARGET]
    if (outputOf('cargo', 'build', ...manifest, ...flags) === undefined) {
      this.#leaveOut('tonic', `\`cargo build\` failed in ${relative(TONIC_PEER)}`)
    }
  }

  #leaveOut(peer: Peer, reason: string): void {
    this.#missing.set(peer, reason)
    this.#note(`${peer} left out: ${reason}`)
  }
}

async function start(
  peer: Peer,
  program: Command | undefined,
  { core = Core.measured, flags = [], args = [] }: StartOptions,
): Promise<Child> {
  if (program === undefined) throw new Error(`${peer} has no such program`)
  const [executable, ...rest] = program
  const whole = executable === node ? [...flags, ...rest, ...args] : [...rest, ...args]
  const [command, ...all] = pinned(core, executable, ...whole)
  return await Child.start(peer, command, all)
}

/** The program is written for v5; v6 differs in the name of its module. Returns the folder of its source. */
function goMicro6Source(): string {
  const folder = `${CACHE}/go-micro-v6-source`
  mkdirSync(folder, { recursive: true })
  const source = readFileSync(`${GO_MICRO_PEER}/main.go`, 'utf8')
  writeFileSync(`${folder}/main.go`, source.replaceAll('go-micro.dev/v5', 'go-micro.dev/v6'))
  const requirement = `go 1.25.0\n\nrequire go-micro.dev/v6 ${GO_MICRO_6_VERSION}\n`
  writeFileSync(`${folder}/go.mod`, `module microwire.test/bench/go-micro\n\n${requirement}`)
  return folder
}

function relative(path: string): string {
  return path.startsWith(ROOT) ? path.slice(ROOT.length) : path
}
