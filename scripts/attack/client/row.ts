import { frames, literalBlock, RESPONSE, TRAILERS } from '../../../test/support/frames.js'
import type { Attacker, AttackSocket } from '../attack-socket.js'
import { type Attack, type HostileCalls, join } from '../play.js'

export const HEAD: Buffer = literalBlock(RESPONSE)
export const TAIL: Buffer = literalBlock(TRAILERS)

type Rest = Partial<
  Pick<Attack, 'livesBecause' | 'door' | 'retainedMax' | 'connectionsMax' | 'cpuUsPerOctetMax'>
>

/** What a hostile server may do with a connection that a client has made; its SETTINGS are sent. */
export type Answer = (socket: AttackSocket, attacker: Attacker) => Promise<void>

export const UNARY: HostileCalls = { count: 1, kind: 'unary' }
export const CALLS: HostileCalls = { count: 20, kind: 'unary' }
export const STREAM: HostileCalls = { count: 1, kind: 'unread' }

/** A hostile server, for a client with these calls. It has no preface of its own but SETTINGS. */
export function hostile(
  name: string,
  about: string,
  client: HostileCalls,
  answer: Answer,
  rest: Rest & { readonly settings?: Parameters<typeof frames.settings>[0] } = {},
): Attack {
  const { settings, ...others } = rest
  return {
    name,
    about,
    handlersMax: client.count,
    client,
    livesBecause: 'what a server does with one call harms no other',
    ...others,
    async answer(socket, attacker) {
      await socket.send(frames.settings(settings))
      await answer(socket, attacker)
    },
  }
}

/** As `hostile`, and each call is answered by `make` in turn. */
export function answering(
  name: string,
  about: string,
  client: HostileCalls,
  make: (id: number) => Buffer,
  rest: Parameters<typeof hostile>[4] = {},
): Attack {
  return hostile(
    name,
    about,
    client,
    async socket => {
      for (let index = 0; ; index++) {
        const id = await socket.request(index)
        if (id === undefined) return
        await socket.send(make(id))
        // Nobody asks for more than this.
        if (index + 1 >= client.count) return
      }
    },
    rest,
  )
}

/** The first call's stream. */
export async function first(socket: AttackSocket): Promise<number> {
  return (await socket.request(0)) ?? 1
}

export function head(id: number): Buffer {
  return frames.headers(id, HEAD)
}

export function ok(id: number, body: Buffer): Buffer {
  return join([
    head(id),
    frames.data(id, { bytes: body }),
    frames.headers(id, TAIL, { endStream: true }),
  ])
}

export function overTls(attack: Attack): Attack {
  return { ...attack, name: `${attack.name}-tls`, about: `${attack.about}; over TLS`, door: 'tls' }
}
