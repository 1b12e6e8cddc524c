import {
  createServer,
  defineService,
  GrpcError,
  jsonCodec,
  type Server,
  Status,
} from '../../src/index.js'
import {
  type MethodTypes,
  memoryRegistry,
  type OverloadOptions,
  type Registry,
  type Service,
} from '../../src/micro/index.js'
import type { SimulatedNetwork } from '../../src/testing/index.js'

const json = { request: jsonCodec<number>(), response: jsonCodec<number>() }

/** Each call carries its number. */
export interface FleetTypes {
  readonly call: MethodTypes<'unary', number, number>
}

export const FLEET: Service<FleetTypes> = defineService('fleet.Fleet', {
  call: { kind: 'unary', ...json },
})

/** What happens to a server of a fleet. */
export type Blow = 'kill' | 'freeze' | 'slow' | 'refuse' | 'reset' | 'leave' | 'lame'

/** One server, what was done to it, and the calls that its handler saw. */
export interface Member {
  server: Server
  readonly calls: number[]
  /** The first blow; Infinity: none. Unit: ms. */
  hitAt: number
  delayMs: number
  refuses: boolean
}

/** Servers behind a registry on a simulated network. */
export class FleetWorld {
  readonly network: SimulatedNetwork
  readonly members: Member[] = []
  readonly registry: Registry
  readonly #killed = new Set<string>()

  readonly #overload: OverloadOptions | undefined

  /** @param overload of each server */
  constructor(network: SimulatedNetwork, overload?: OverloadOptions) {
    this.network = network
    this.#overload = overload
    const memory = memoryRegistry(network)
    this.registry = {
      name: 'memory',
      register: (...given) => memory.register(...given),
      // Who is killed has no time for it.
      deregister: async service => {
        if (!this.#killed.has(service.nodes[0]!.address)) await memory.deregister(service)
      },
      getService: name => memory.getService(name),
      listServices: () => memory.listServices(),
      watch: onChange => memory.watch(onChange),
    }
  }

  async join(): Promise<void> {
    const calls: number[] = []
    const member: Member = {
      server: createServer({
        name: 'fleet',
        registry: this.registry,
        runtime: this.network,
        metadata: { zone: this.members.length % 2 === 0 ? 'a' : 'b', weight: '2' },
        ...(this.#overload === undefined ? {} : { overload: this.#overload }),
      }),
      calls,
      hitAt: Number.POSITIVE_INFINITY,
      delayMs: 5,
      refuses: false,
    }
    member.server.handle(FLEET, {
      call: async id => {
        calls.push(id)
        if (member.refuses) throw new GrpcError(Status.Unavailable, 'refused')
        await this.network.clock.sleep(member.delayMs)
        return id
      },
    })
    await member.server.start()
    this.members.push(member)
  }

  strike(member: Member, blow: Blow): void {
    member.hitAt = Math.min(member.hitAt, this.network.now())
    switch (blow) {
      case 'kill':
        return this.kill(member)
      case 'freeze':
        for (const link of this.#linksOf(member)) this.network.swallow(link, 'server')
        return
      case 'slow':
        member.delayMs = 400
        return
      case 'refuse':
        member.refuses = true
        return
      case 'reset':
        for (const link of this.#linksOf(member)) this.network.reset(link)
        return
      case 'leave':
        void member.server.stop({ graceMs: 2_000, settleMs: 0 })
        return
      case 'lame':
        void member.server.stop({ lameDuckMs: 1_500, graceMs: 2_000, settleMs: 0 })
    }
  }

  /** Its connections are reset, new ones refused, and its record stays. */
  kill(member: Member): void {
    this.#killed.add(member.server.address)
    for (const link of this.#linksOf(member)) this.network.reset(link)
    void member.server.stop({ graceMs: 0, settleMs: 0 })
  }

  /** Whoever can work does so again. */
  heal(): void {
    for (const member of this.members) {
      member.delayMs = 5
      member.refuses = false
      for (const link of this.#linksOf(member)) this.network.reset(link)
    }
  }

  /** What servers still count as running or waiting. */
  get counted(): number {
    return this.members.reduce((sum, { server: { overload } }) => {
      return sum + (overload === undefined ? 0 : overload.runningCount + overload.waitingCount)
    }, 0)
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map(({ server }) => server.stop({ graceMs: 0, settleMs: 0 })))
  }

  #linksOf({ server }: Member): SimulatedNetwork['links'] {
    const port = Number(server.address.split(':').pop())
    return this.network.links.filter(({ client }) => client.remotePort === port)
  }
}
