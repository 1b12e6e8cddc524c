import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { freePort } from '../ports.js'
import type { Program } from '../program.js'
import type { SuiteRun } from '../suite.js'
import type { DebianTool } from '../toolchain.js'
import { type EngineName, engineProgram } from './programs.js'

export interface EngineOptions {
  /** More arguments for its program. */
  readonly args?: readonly string[]
  /** More environment. */
  readonly env?: Readonly<Record<string, string>>
  /** The port to listen on. Default: a free one. */
  readonly port?: number
}

/** How one engine is started. */
interface Start {
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly path?: string
  /** What it prints when it can be used. */
  readonly ready: RegExp
  /** Programs that must run before, each with its ready line. */
  readonly before?: readonly Start[]
}

const START_TIME_MAX_MS = 60_000

const STARTS: Readonly<
  Record<EngineName, (port: number, folder: string, tool: DebianTool) => Promise<Start>>
> = {
  etcd: async (port, folder) => {
    const peer = `http://127.0.0.1:${await freePort()}`
    const url = `http://127.0.0.1:${port}`
    return {
      args: [
        '--name=one',
        `--data-dir=${join(folder, 'data')}`,
        `--listen-client-urls=${url}`,
        `--advertise-client-urls=${url}`,
        `--listen-peer-urls=${peer}`,
        `--initial-advertise-peer-urls=${peer}`,
        `--initial-cluster=one=${peer}`,
      ],
      ready:
        /ready to serve client requests|serving insecure client requests|serving client requests/,
    }
  },
  nats: async (port, folder) => ({
    args: ['-a', '127.0.0.1', '-p', `${port}`, '-js', '-sd', folder],
    ready: /Server is ready/,
  }),
  redis: async (port, folder) => ({
    args: ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
    ready: /Ready to accept connections/,
  }),
  rabbitmq: async (port, folder, tool) => {
    const names = `${await freePort()}`
    const shared = { ERL_EPMD_PORT: names, ERL_EPMD_ADDRESS: '127.0.0.1' }
    const root = tool.path.slice(0, tool.path.lastIndexOf('/usr/'))
    const lib = join(root, 'usr/lib/rabbitmq/lib')
    const own = join(folder, 'env.sh')
    writeFileSync(own, '')
    return {
      path: join(lib, readdirSync(lib)[0]!, 'sbin/rabbitmq-server'),
      args: [],
      env: {
        ...shared,
        HOME: folder,
        RABBITMQ_NODENAME: `microwire${port}@localhost`,
        RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
        RABBITMQ_NODE_PORT: `${port}`,
        RABBITMQ_DIST_PORT: `${await freePort()}`,
        RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
        RABBITMQ_LOG_BASE: join(folder, 'log'),
        RABBITMQ_LOGS: '-',
        // The script becomes Erlang: one process, whose id we know.
        RUNNING_UNDER_SYSTEMD: 'true',
        RABBITMQ_CONF_ENV_FILE: own,
        RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
        RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq'),
      },
      ready: /Server startup complete/,
      before: [
        { path: join(root, 'usr/lib/erlang/bin/epmd'), args: ['-d'], env: shared, ready: /epmd/ },
      ],
    }
  },
  consul: async (port, folder) => {
    const [server, lan, wan] = [await freePort(), await freePort(), await freePort()]
    const off = ['dns', 'grpc', 'grpc-tls', 'https'].map(part => `-${part}-port=-1`)
    return {
      args: [
        'agent',
        '-dev',
        `-data-dir=${join(folder, 'data')}`,
        '-bind=127.0.0.1',
        `-http-port=${port}`,
        `-server-port=${server}`,
        `-serf-lan-port=${lan}`,
        `-serf-wan-port=${wan}`,
        ...off,
      ],
      ready: /Synced node info/,
    }
  },
}

/**
 * An engine on a port of 127.0.0.1, its data in a folder of its own. It ends with the suite at the
 * latest, by the id of its process, and its folder with it.
 */
export class Engine {
  readonly name: EngineName
  readonly version: string
  readonly host = '127.0.0.1'
  readonly port: number
  readonly folder: string
  readonly #run: SuiteRun
  readonly #tool: DebianTool
  readonly #options: EngineOptions
  #start: Start | undefined
  #programs: Program[] = []

  constructor(
    run: SuiteRun,
    name: EngineName,
    tool: DebianTool,
    port: number,
    options: EngineOptions,
  ) {
    this.name = name
    this.version = tool.version
    this.port = port
    this.folder = mkdtempSync(join(tmpdir(), `microwire-${name}-`))
    this.#run = run
    this.#tool = tool
    this.#options = options
    run.onEnd(() => rmSync(this.folder, { recursive: true, force: true }))
  }

  /** `host:port`. */
  get address(): string {
    return `${this.host}:${this.port}`
  }

  /** What it printed since it was started last. */
  get output(): string {
    const last = this.#programs.at(-1)
    return last === undefined ? '' : last.stdout + last.stderr
  }

  /** Starts it, or starts it again: same port, same data. */
  async start(): Promise<void> {
    mkdirSync(this.folder, { recursive: true })
    this.#start ??= await STARTS[this.name](this.port, this.folder, this.#tool)
    this.#programs = []
    for (const part of [...(this.#start.before ?? []), this.#start]) {
      const more = part === this.#start ? (this.#options.args ?? []) : []
      // A part that the machine's own package has elsewhere is in the path.
      const path = part.path ?? this.#tool.path
      const command = existsSync(path) ? path : path.slice(dirname(path).length + 1)
      const program = this.#run.start(command, [...part.args, ...more], {
        env: { ...this.#tool.env, ...part.env, ...this.#options.env },
      })
      this.#programs.push(program)
      await program.waitFor(part.ready, START_TIME_MAX_MS)
    }
  }

  /** Ends it politely. */
  async stop(): Promise<void> {
    for (const program of this.#programs.reverse()) await program.stop()
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    for (const program of this.#programs.reverse()) await program.kill()
  }

  /** Stands still, or goes on: an engine that is slow without end. */
  freeze(isFrozen: boolean): void {
    const { pid } = this.#programs.at(-1) ?? {}
    if (pid !== undefined) process.kill(pid, isFrozen ? 'SIGSTOP' : 'SIGCONT')
  }
}

/** Starts an engine by name. Throws `Unavailable` with a sentence where it cannot be had. */
export async function startEngine(
  run: SuiteRun,
  name: EngineName,
  options: EngineOptions = {},
): Promise<Engine> {
  const tool = await engineProgram(name)
  const engine = new Engine(run, name, tool, options.port ?? (await freePort()), options)
  await engine.start()
  return engine
}
