// Made by microwire-types from greeter.proto. Do not edit.

import type { MethodTypes } from 'microwire'

export interface HelloRequest {
  name: string
}

/** `HelloRequest` as it may be given: any field may be left out. */
export interface HelloRequestInit {
  name?: string | null | undefined
}

export interface HelloReply {
  text: string
}

/** `HelloReply` as it may be given: any field may be left out. */
export interface HelloReplyInit {
  text?: string | null | undefined
}

export interface CountdownRequest {
  from: number
}

/** `CountdownRequest` as it may be given: any field may be left out. */
export interface CountdownRequestInit {
  from?: number | null | undefined
}

export interface Tick {
  left: number
}

/** `Tick` as it may be given: any field may be left out. */
export interface TickInit {
  left?: number | null | undefined
}

export interface Term {
  value: number
}

/** `Term` as it may be given: any field may be left out. */
export interface TermInit {
  value?: number | null | undefined
}

export interface Total {
  sum: number
  count: number
}

/** `Total` as it may be given: any field may be left out. */
export interface TotalInit {
  sum?: number | null | undefined
  count?: number | null | undefined
}

export interface Line {
  text: string
}

/** `Line` as it may be given: any field may be left out. */
export interface LineInit {
  text?: string | null | undefined
}

/** `loadService<Greeter>(file, 'greeter.v1.Greeter')` */
export interface Greeter {
  hello: MethodTypes<'unary', HelloRequest, HelloReply, HelloRequestInit, HelloReplyInit>
  countdown: MethodTypes<'server', CountdownRequest, Tick, CountdownRequestInit, TickInit>
  sum: MethodTypes<'client', Term, Total, TermInit, TotalInit>
  chat: MethodTypes<'bidi', Line, Line, LineInit, LineInit>
}
