/** Where a peer is wrong, or asks for more or less than the specification. */
export interface Deviation {
  readonly peer: string
  /** What it does, and what our side does about it. */
  readonly what: string
  readonly reference: string
}

/** In the order of the suites. */
export const DEVIATIONS: readonly Deviation[] = [
  {
    peer: 'http2-frame-test-case',
    what: '`data-frame-size` declares 32,768 octets and carries 20: it has to fail at the frame header.',
    reference: 'RFC 9113 §4.2',
  },
  {
    peer: 'h2spec',
    what: 'takes any closed TCP connection for a pass; h2spec-exact asks for the code and the scope.',
    reference: 'spec/verifier.go',
  },
  {
    peer: 'h2spec',
    what: 'wants an error where a stream depends on itself (5.3.1), though priority is deprecated; it gets one.',
    reference: 'RFC 9113 §5.3.2',
  },
  {
    peer: 'connect, grpc-go',
    what: 'refuse an unknown `grpc-encoding` even if no message is compressed; so do we.',
    reference: 'docs/grpc-checklist.md L5',
  },
  {
    peer: 'connect',
    what: 'maps HTTP status 431 to UNKNOWN, where the text of gRPC has INTERNAL; so do we.',
    reference: 'docs/grpc-checklist.md T5',
  },
  {
    peer: 'grpcio (C-core)',
    what: 'sends `Exception calling application: ` with its space; it is trimmed, the status stays.',
    reference: 'RFC 9110 §5.5',
  },
  {
    peer: 'grpcio, server',
    what: 'ends the request iterator of a cancelled call as if all had come; `loads` asks it of others.',
    reference: 'grpc._server',
  },
  {
    peer: 'grpc-js, client',
    what: 'sends END_STREAM ahead of the RST_STREAM of a cancel: a handler may see an end that was none.',
    reference: "closeStream of Node's http2",
  },
  {
    peer: 'grpcio, server',
    what: 'ends calls as CANCELLED where thousands come at once; `loads` asks it for 1,000.',
    reference: 'scripts/conformance/loads/plan.ts',
  },
  {
    peer: 'tonic, client',
    what: 'resets a stream only when both halves are dropped, and ends a timeout as CANCELLED.',
    reference: 'tonic 0.14.9',
  },
  {
    peer: 'tonic, server',
    what: 'has no trailers for a unary response: `custom_metadata` is not asked of it.',
    reference: 'tonic::Response',
  },
  {
    peer: 'go-micro, mucp server',
    what: 'overwrites stream messages that it has queued, so its streams are tested message by message.',
    reference: 'micro/go-micro#2671',
  },
  {
    peer: 'go-micro, mucp client',
    what: 'cannot end its side of a stream (`CloseSend` is an error); the case closes the stream.',
    reference: 'micro/go-micro#2212',
  },
  {
    peer: 'go-micro, native client',
    what: 'does not half-close before it reads a server stream; our handler starts at its request.',
    reference: 'docs/architecture.md, grpc',
  },
  {
    peer: 'go-micro v1, native client',
    what: 'names no codec in the content type of a stream; `x-content-type` does, and is believed.',
    reference: 'client/grpc/grpc.go',
  },
  {
    peer: 'go-micro v1, native client',
    what: "keeps the codec of a connection's first call for all others; the cases give protobuf its own.",
    reference: 'client/grpc/grpc.go',
  },
  {
    peer: 'go-micro v2, native client',
    what: 'cannot end its side of a stream: `Close` cancels it, which the case expects.',
    reference: 'client/grpc/stream.go',
  },
  {
    peer: 'go-micro, native client',
    what: 'panics when the first detail of a status is no error of its own; ours always is.',
    reference: 'micro/go-micro#4958',
  },
]
