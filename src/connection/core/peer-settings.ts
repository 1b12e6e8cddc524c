/** The settings of the peer, with the defaults of RFC 9113 §6.5.2 until they arrive. */
export interface PeerSettings {
  headerTableSize: number
  concurrentStreamsMax: number
  initialWindowSize: number
  frameSizeMax: number
  headerListSizeMax: number
  enableConnectProtocol: boolean
}

/** What holds for a peer that has said nothing. RFC 9113 §6.5.2. */
export function defaultPeerSettings(): PeerSettings {
  return {
    headerTableSize: 4_096,
    concurrentStreamsMax: Number.POSITIVE_INFINITY,
    initialWindowSize: 65_535,
    frameSizeMax: 16_384,
    headerListSizeMax: Number.POSITIVE_INFINITY,
    enableConnectProtocol: false,
  }
}
