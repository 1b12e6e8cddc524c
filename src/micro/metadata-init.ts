import { Metadata } from '../grpc/index.js'
import type { MetadataInit } from './call-options.js'

/** Metadata as `Metadata`. @throws TypeError for a name or value that may not be sent */
export function metadataOf(init: MetadataInit): Metadata {
  return init instanceof Metadata
    ? init
    : Metadata.from(init as Readonly<Record<string, string | Uint8Array>>)
}
