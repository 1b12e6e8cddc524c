import { defineService, type MethodTypes, type Service } from '../micro/index.js'
import { messageCodec } from './message-codec.js'
import { field, type MessageType, oneof } from './message-type.js'
import { describeFile } from './own-file.js'

/** Asks for the file that declares an extension: a type and a field number. */
export interface ExtensionRequest {
  readonly containingType?: string
  readonly extensionNumber?: number
}

/** A reflection request: exactly one question. `host` is returned in the response. */
export interface ServerReflectionRequest {
  readonly host?: string
  readonly fileByFilename?: string
  readonly fileContainingSymbol?: string
  readonly fileContainingExtension?: ExtensionRequest
  readonly allExtensionNumbersOfType?: string
  readonly listServices?: string
}

/** A reflection response: exactly one answer. */
export interface ServerReflectionResponse {
  readonly validHost?: string
  readonly originalRequest?: ServerReflectionRequest
  /** Serialised `google.protobuf.FileDescriptorProto`s. */
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: readonly Uint8Array[] }
  readonly allExtensionNumbersResponse?: {
    readonly baseTypeName: string
    readonly extensionNumber: readonly number[]
  }
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] }
  /** A status of gRPC. */
  readonly errorResponse?: { readonly errorCode: number; readonly errorMessage: string }
}

/** The types of `reflectionService`. */
export interface ReflectionTypes {
  serverReflectionInfo: MethodTypes<'bidi', ServerReflectionRequest, ServerReflectionResponse>
}

/**
 * The service `grpc.reflection.v1.ServerReflection`, for `client.bind`. Servers use
 * `mountReflection`.
 */
export const reflectionService: Service<ReflectionTypes> = makeReflection('v1')

/** The service `grpc.reflection.v1alpha.ServerReflection`, which older tools use. */
export const reflectionServiceV1Alpha: Service<ReflectionTypes> = makeReflection('v1alpha')

function makeReflection(version: string): Service<ReflectionTypes> {
  const prefix = `grpc.reflection.${version}`
  const messages = reflectionMessages(prefix)
  const [request, response] = messages as [MessageType, MessageType]
  const definition = defineService(`${prefix}.ServerReflection`, {
    serverReflectionInfo: {
      kind: 'bidi',
      request: messageCodec<ServerReflectionRequest>(request),
      response: messageCodec<ServerReflectionResponse>(response),
    },
  })
  const file = {
    name: `grpc/reflection/${version}/reflection.proto`,
    package: prefix,
    messages,
    service: definition,
    types: [[request, response]],
  } as const
  return { ...definition, descriptors: () => [describeFile(file)] }
}

/** Both versions have the same messages. The first two are request and response. */
function reflectionMessages(prefix: string): MessageType[] {
  const extensionRequest: MessageType = {
    name: `${prefix}.ExtensionRequest`,
    fields: [field('containing_type', 1, 'string'), field('extension_number', 2, 'int32')],
  }
  const request: MessageType = {
    name: `${prefix}.ServerReflectionRequest`,
    fields: [
      field('host', 1, 'string'),
      ...oneof('message_request', [
        field('file_by_filename', 3, 'string'),
        field('file_containing_symbol', 4, 'string'),
        field('file_containing_extension', 5, () => extensionRequest),
        field('all_extension_numbers_of_type', 6, 'string'),
        field('list_services', 7, 'string'),
      ]),
    ],
  }
  const files: MessageType = {
    name: `${prefix}.FileDescriptorResponse`,
    fields: [field('file_descriptor_proto', 1, 'bytes', 'repeated')],
  }
  const numbers: MessageType = {
    name: `${prefix}.ExtensionNumberResponse`,
    fields: [
      field('base_type_name', 1, 'string'),
      field('extension_number', 2, 'int32', 'repeated'),
    ],
  }
  const service: MessageType = {
    name: `${prefix}.ServiceResponse`,
    fields: [field('name', 1, 'string')],
  }
  const services: MessageType = {
    name: `${prefix}.ListServiceResponse`,
    fields: [field('service', 1, () => service, 'repeated')],
  }
  const error: MessageType = {
    name: `${prefix}.ErrorResponse`,
    fields: [field('error_code', 1, 'int32'), field('error_message', 2, 'string')],
  }
  const response: MessageType = {
    name: `${prefix}.ServerReflectionResponse`,
    fields: [
      field('valid_host', 1, 'string'),
      field('original_request', 2, () => request),
      ...oneof('message_response', [
        field('file_descriptor_response', 4, () => files),
        field('all_extension_numbers_response', 5, () => numbers),
        field('list_services_response', 6, () => services),
        field('error_response', 7, () => error),
      ]),
    ],
  }
  return [request, response, extensionRequest, files, numbers, services, service, error]
}
