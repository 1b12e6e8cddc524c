import { defineService, type MethodTypes, type Service } from '../micro/index.js'
import { messageCodec } from './message-codec.js'
import { type EnumType, field, type MessageType } from './message-type.js'
import { describeFile } from './own-file.js'

/** Status values of `grpc.health.v1.HealthCheckResponse.ServingStatus`. */
export const ServingStatus = {
  Unknown: 0,
  Serving: 1,
  NotServing: 2,
  /** Only `watch` says so, of a service that it does not know. */
  ServiceUnknown: 3,
} as const

export type ServingStatus = (typeof ServingStatus)[keyof typeof ServingStatus]

/** Request of `Check` and `Watch`: the name of a service, or an empty text for the server. */
export interface HealthCheckRequest {
  /** A service with its package; empty: the whole server. */
  readonly service?: string
}

/** Response of `Check` and `Watch`: the status of a service. */
export interface HealthCheckResponse {
  readonly status: ServingStatus
}

/** Response of `List`: the status of every service. */
export interface HealthListResponse {
  readonly statuses: ReadonlyMap<string, HealthCheckResponse>
}

/** The types of `healthService`. */
export interface HealthTypes {
  check: MethodTypes<'unary', HealthCheckRequest, HealthCheckResponse>
  list: MethodTypes<'unary', object, HealthListResponse>
  watch: MethodTypes<'server', HealthCheckRequest, HealthCheckResponse>
}

const PACKAGE = 'grpc.health.v1'

const SERVING_STATUS: EnumType = {
  name: `${PACKAGE}.HealthCheckResponse.ServingStatus`,
  values: ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'],
}

const CHECK_REQUEST: MessageType = {
  name: `${PACKAGE}.HealthCheckRequest`,
  fields: [field('service', 1, 'string')],
}

const CHECK_RESPONSE: MessageType = {
  name: `${PACKAGE}.HealthCheckResponse`,
  fields: [field('status', 1, SERVING_STATUS)],
  enums: [SERVING_STATUS],
}

const LIST_REQUEST: MessageType = { name: `${PACKAGE}.HealthListRequest`, fields: [] }

const LIST_RESPONSE: MessageType = {
  name: `${PACKAGE}.HealthListResponse`,
  fields: [field('statuses', 1, () => CHECK_RESPONSE, 'map')],
}

const checkRequest = messageCodec<HealthCheckRequest>(CHECK_REQUEST)
const checkResponse = messageCodec<HealthCheckResponse>(CHECK_RESPONSE)

const definition: Service<HealthTypes> = defineService(`${PACKAGE}.Health`, {
  check: { kind: 'unary', request: checkRequest, response: checkResponse },
  list: {
    kind: 'unary',
    request: messageCodec<object>(LIST_REQUEST),
    response: messageCodec<HealthListResponse>(LIST_RESPONSE),
  },
  watch: { kind: 'server', request: checkRequest, response: checkResponse },
})

/** The service `grpc.health.v1.Health`, for `client.bind`. Servers use `mountHealth`. */
export const healthService: Service<HealthTypes> = {
  ...definition,
  descriptors: () => [
    describeFile({
      name: 'grpc/health/v1/health.proto',
      package: PACKAGE,
      messages: [CHECK_REQUEST, CHECK_RESPONSE, LIST_REQUEST, LIST_RESPONSE],
      service: definition,
      types: [
        [CHECK_REQUEST, CHECK_RESPONSE],
        [LIST_REQUEST, LIST_RESPONSE],
        [CHECK_REQUEST, CHECK_RESPONSE],
      ],
    }),
  ],
}
