import type { Attacker, AttackSocket } from '../attack-socket.js'
import type { Attack } from '../play.js'
import { open, pour, sendWithin } from './wire.js'

const LIVES = 'a message that fails harms no other of its connection'

type Rest = Partial<Pick<Attack, 'handlersMax' | 'livesBecause' | 'door' | 'retainedMax'>>

/** An attack on one micro socket of one connection. */
export function onSocket(
  name: string,
  about: string,
  play: (socket: AttackSocket, attacker: Attacker) => Promise<void>,
  rest: Rest & { readonly window?: number } = {},
): Attack {
  const { window, ...others } = rest
  return {
    name,
    about,
    handlersMax: 0,
    livesBecause: LIVES,
    ...others,
    async play(attacker) {
      const socket = await attacker.open(window === undefined ? {} : { initialWindowSize: window })
      await socket.send(open(1))
      await play(socket, attacker)
    },
  }
}

/** So many messages on one micro socket, one after the other; what is answered is read. */
export function poured(
  name: string,
  about: string,
  make: Buffer | ((index: number) => Buffer),
  count: number,
  rest: Rest & { readonly window?: number; readonly opening?: Buffer } = {},
): Attack {
  const { opening, ...others } = rest
  return onSocket(
    name,
    about,
    async (socket, attacker) => {
      if (opening !== undefined) await pour(socket, opening, 1)
      await pour(socket, make, attacker.times(count))
    },
    others,
  )
}

/** As many micro sockets on one connection. */
export function onManySockets(
  name: string,
  about: string,
  count: number,
  make: (id: number) => Buffer,
  rest: Rest = {},
): Attack {
  return {
    name,
    about,
    handlersMax: 0,
    livesBecause: LIVES,
    ...rest,
    async play(attacker) {
      const socket = await attacker.open()
      const times = attacker.times(count)
      for (let i = 0; i < times && !socket.closed; i++) {
        const id = 1 + 2 * i
        await socket.send(open(id))
        if (!(await sendWithin(socket, id, make(id)))) return
        if (i % 50 === 49) await socket.turn()
      }
    },
  }
}

/** The same attack over TLS: `M1-x` is `M1-x-tls`. */
export function overTls(attack: Attack): Attack {
  const door = attack.door === 'raw' ? 'raw-tls' : 'tls'
  return { ...attack, name: `${attack.name}-tls`, about: `${attack.about}; over TLS`, door }
}
