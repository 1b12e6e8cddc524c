/** What has happened to a `ServerCall`: bits of one field, for there is a call for each request. */
export const ServerCallFlag = {
  /** `Route.start` runs. */
  Starting: 1,
  /** `Route.start` has run, or runs. */
  Started: 2,
  /** Nothing more will be sent. */
  Finished: 16,
  /** The client has half-closed. */
  InputEnded: 32,
  /** The one request is there. */
  HasRequest: 64,
  /** User code has settled. */
  Settled: 128,
  /** Is in the batch. */
  Batched: 256,
  StartDue: 512,
  ReadableDue: 1024,
  DrainDue: 2048,
  CancelDue: 4096,
  /** The request may have stopped half-way: to be looked at when the turn ends. */
  WatchDue: 8192,
} as const

/** All that a dispatch acts on. */
export const SERVER_CALL_NEWS: number =
  ServerCallFlag.StartDue |
  ServerCallFlag.ReadableDue |
  ServerCallFlag.DrainDue |
  ServerCallFlag.CancelDue |
  ServerCallFlag.WatchDue
