import type { Endpoint } from './endpoint.js'

/** Who hears what a resolver finds. */
export interface ResolverListener {
  /** All endpoints there are now. They replace those of before, but for an empty list: it takes nothing from who works. */
  onEndpoints(endpoints: readonly Endpoint[]): void
  /** They could not be found. Those of before stay; without any, calls fail with this. */
  onError(error: Error): void
}

/** Finds the endpoints that a client calls, and tells of each change. */
export interface Resolver {
  /** What it resolves, for errors: `dns:///shop:50051`. */
  readonly name: string
  /** Begins, at the first call. Once. */
  start(listener: ResolverListener): void
  /** A connection was lost, or could not be made: look again, if that may help. Called as often as it happens. Optional. */
  refresh?(): void
  /** A call is made: for who looks again only while calls run. It must be cheap. Optional. */
  onCall?(): void
  /** Ends: the listener hears no more. Optional. */
  close?(): void
}
