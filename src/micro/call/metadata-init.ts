import { Metadata } from '../../grpc/index.js'

/** Metadata as callers pass it: an object's own properties, or `Metadata`. */
export type MetadataInit = Metadata | Readonly<Record<string, string | Uint8Array>>

/** Metadata as `Metadata`. @throws TypeError for a name or value that may not be sent */
export function metadataOf(init: MetadataInit): Metadata {
  if (init instanceof Metadata) return init
  if (!isOfAnotherCopy(init)) return Metadata.from(init)
  const metadata = new Metadata()
  metadata.merge(init)
  return metadata
}

/** A process may have two copies of this package: ES modules, and CommonJS that a bundler or Jest has loaded. */
function isOfAnotherCopy(init: MetadataInit): init is Metadata {
  return typeof init === 'object' && init !== null && 'getBinaryAll' in init
}
