import type { CallTransport, Transport } from '../transport/index.js'

/** The protocol between a client and a node: `grpc` or `mucp`. */
export type Protocol = 'grpc' | 'mucp'

/** Whether native calls can go over it. */
export function isCallTransport(transport: Transport): transport is CallTransport {
  return 'session' in transport
}
