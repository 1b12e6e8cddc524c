import { bytesCodec, defineService, type MethodTypes, type Service } from '../../src/micro/index.js'

const octets = { request: bytesCodec(), response: bytesCodec() }

/** The service of the fleet's servers. */
export interface FleetTypes {
  readonly call: MethodTypes<'unary', Uint8Array, Uint8Array>
}

/** `fleet.Fleet`. */
export const FLEET: Service<FleetTypes> = defineService('fleet.Fleet', {
  call: { kind: 'unary', ...octets },
})

/** Its one method on the wire. */
export const CALL_PATH: string = '/fleet.Fleet/Call'
