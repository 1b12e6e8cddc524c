import { fileURLToPath } from 'node:url'

/** The repository: this module runs from `.build/bench`. */
export const ROOT: string = fileURLToPath(new URL('../../', import.meta.url))

/** The protobuf service of the typed contests. */
export const PROTO: string = `${ROOT}bench/echo.proto`

/** Peers with dependencies of their own; plain JavaScript, run where it lies. */
export const PEERS: string = `${ROOT}bench/peers`

/** grpc-go as a peer: a Go module of its own. */
export const GO_PEER: string = `${ROOT}interop/go/cmd/bench-server`

/** tonic as a peer: a crate of its own. */
export const TONIC_PEER: string = `${ROOT}interop/rust-bench`

/** go-micro as a peer, likewise. */
export const GO_MICRO_PEER: string = `${PEERS}/go-micro`

/** What the benchmarks build or keep. */
export const CACHE: string = `${ROOT}.cache/bench`

/** A compiled module below `bench`. */
export function compiled(path: string): string {
  return fileURLToPath(new URL(`${path}.js`, import.meta.url))
}
