/** One server that calls may go to. */
export interface Endpoint {
  /** Tells it from others of its set, and knows it again in the next set. */
  readonly id: string
  /** Where it is: `host:port`, `unix:/path`. */
  readonly address: string
  /** Addresses of its host, where they are known: nobody looks it up then, and certificates are still asked of its name. Default: none. */
  readonly hosts?: readonly string[]
  /** Its share beside others, for balancers that weigh. Default: 1. */
  readonly weight?: number
  /** Where it stands, for balancers that prefer what is near. Default: none. */
  readonly zone?: string
}
