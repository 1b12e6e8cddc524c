import { connect } from './connect.js'
import { corpus } from './corpus.js'
import { engineBrokers, engineRegistries, engines, quickEngineBrokers } from './engines/index.js'
import { frames } from './frames.js'
import { goMicro, goMicroVersions } from './go-micro.js'
import { grpcGo } from './grpc-go.js'
import { grpcJava } from './grpc-java.js'
import { grpcJs } from './grpc-js/index.js'
import { grpcNegative } from './grpc-negative.js'
import { grpcio } from './grpcio.js'
import { h2spec } from './h2spec.js'
import { h2specClient } from './h2spec-client.js'
import { h2specExact } from './h2spec-exact.js'
import { hpack } from './hpack.js'
import { loads } from './loads.js'
import { protobuf } from './protobuf.js'
import type { Suite } from './suite.js'
import { tonic } from './tonic.js'
import { tools } from './tools.js'

/** All suites, in the order in which they run: the layers from below. */
export const SUITES: readonly Suite[] = [
  hpack,
  frames,
  corpus,
  h2spec,
  h2specClient,
  h2specExact,
  grpcGo,
  grpcio,
  grpcJava,
  tonic,
  grpcNegative,
  grpcJs,
  connect,
  protobuf,
  goMicro,
  tools,
  engines,
]

/** Parts of the suites above, to be asked for by name. */
export const PARTS: readonly Suite[] = [
  ...goMicroVersions,
  ...engineRegistries,
  loads,
  engineBrokers,
  quickEngineBrokers,
]

/**
 * What `.ci/run` runs: what needs no Go, and of the others what is built within minutes. grpc-java is not
 * among them: its 104 jars and a Java for each case take three minutes, grpcio and tonic one each.
 */
export const CI_SUITES: readonly Suite[] = [
  hpack,
  frames,
  corpus,
  h2spec,
  h2specExact,
  grpcio,
  tonic,
  grpcNegative,
  connect,
  protobuf,
  quickEngineBrokers,
  ...goMicroVersions.filter(suite => suite.name === 'go-micro-v5'),
  ...engineRegistries.filter(suite => /^engines-(etcd|nats|mdns)$/.test(suite.name)),
]
