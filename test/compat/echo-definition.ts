import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import { loadSync, type Options, type ServiceDefinition } from '@grpc/proto-loader'

/** The repository, from `<build folder>/test/compat`. */
export const ROOT: string = join(import.meta.dirname, '..', '..', '..')

/** The schema that every generator's output is of. */
export const ECHO_PROTO: string = join(ROOT, 'test/codegen/proto/echo.proto')

export const ECHO_NAME = 'demo.echo.v1.EchoService'

/** The echo service as proto-loader gives it. */
export function loadEcho(options: Options = { defaults: true, longs: String }): ServiceDefinition {
  return loadSync(ECHO_PROTO, options)[ECHO_NAME] as ServiceDefinition
}

/** The client class that grpc-js makes of it. */
export function echoClientClass(): grpc.ServiceClientConstructor {
  return grpc.makeGenericClientConstructor(loadEcho() as grpc.ServiceDefinition, ECHO_NAME)
}
